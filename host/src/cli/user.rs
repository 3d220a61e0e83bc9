//! `user add|list|role|reset|link|disable|enable`

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure, sentence},
    output::{Out, india},
};
use crate::{
    access::Role,
    app::App,
    config::Listen,
    domain::codes::TenantCode,
    nearest::did_you_mean,
    people::{self, PeopleError, login},
    presence,
    storage::Person,
};

/// People who may sign in to the console: add, list, roles, new passwords
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Roles: a viewer sees everything but secrets, an operator also syncs and decides, an admin may do everything.

Examples:
  statusync user add ana@acme.example --role operator --tenant acme
  statusync user role ana@acme.example --role admin --every-tenant
  statusync user reset ana@acme.example"
)]
pub(super) enum UserCommand {
    Add(Add),
    /// List people with their roles
    #[command(after_help = "Example:\n  statusync user list --json")]
    List,
    Role(RoleOf),
    /// Take somebody's password away and print a link by which they choose a new one
    #[command(
        after_help = "They are signed out everywhere.\n\nExample:\n  statusync user reset ana@acme.example"
    )]
    Reset {
        /// What they sign in with
        login: String,
    },
    /// Print a link that signs somebody in once; the password stays
    #[command(after_help = "Example:\n  statusync user link ana@acme.example")]
    Link {
        /// What they sign in with
        login: String,
    },
    /// Let somebody sign in no more; they are signed out everywhere
    #[command(after_help = "Example:\n  statusync user disable ana@acme.example")]
    Disable {
        /// What they sign in with
        login: String,
    },
    /// Let somebody sign in again
    #[command(after_help = "Example:\n  statusync user enable ana@acme.example")]
    Enable {
        /// What they sign in with
        login: String,
    },
}

/// Where a role holds.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// In this tenant
    #[arg(long, required_unless_present = "every_tenant")]
    tenant: Option<TenantCode>,
    /// In every tenant, those to come too
    #[arg(long, conflicts_with = "tenant")]
    every_tenant: bool,
}

/// Add somebody and print a link by which they choose a password
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync user add ana@acme.example --role operator --tenant acme
  statusync user add root --name \"Ana Rao\" --role admin --every-tenant")]
pub(super) struct Add {
    /// What they sign in with: a name or a mail address
    #[arg(value_parser = login)]
    login: String,
    /// As they are called, if it is another
    #[arg(long)]
    name: Option<String>,
    /// viewer, operator or admin
    #[arg(long, value_parser = role)]
    role: Role,
    #[command(flatten)]
    place: Where,
}

/// Say what somebody is to a tenant, or to every one
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync user role ana@acme.example --role viewer --tenant acme
  statusync user role ana@acme.example --none --tenant acme")]
pub(super) struct RoleOf {
    /// What they sign in with
    login: String,
    /// viewer, operator or admin
    #[arg(long, value_parser = role, required_unless_present = "none")]
    role: Option<Role>,
    /// Take the role away
    #[arg(long, conflicts_with = "role")]
    none: bool,
    #[command(flatten)]
    place: Where,
}

fn role(text: &str) -> Result<Role, String> {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let meant = || did_you_mean(text, names.iter().copied());
    Role::parse(text).ok_or_else(|| format!("give one of {}{}", names.join(", "), meant()))
}

impl UserCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let out = context.out;
        let app = context.open()?;
        let now = app.clock.now_ms();
        match self {
            UserCommand::Add(add) => add.run(out, &app).await?,
            UserCommand::List => list(out, &app.store.users().await?)?,
            UserCommand::Role(of) => of.run(out, &app).await?,
            UserCommand::Reset { login } => {
                let person = known(&app, &login).await?;
                app.store.set_password(&person.user.id, "", true, now).await?;
                let said =
                    format!("{} has no password any more; the link above sets a new one", person.user.login);
                give_link(out, &app, &person.user.id, &said).await?;
            }
            UserCommand::Link { login } => {
                let person = known(&app, &login).await?;
                let said = format!("the link above signs {} in", person.user.login);
                give_link(out, &app, &person.user.id, &said).await?;
            }
            UserCommand::Disable { login } => {
                let person = known(&app, &login).await?;
                app.store.disable_user(&person.user.id, Some(now)).await?;
                out.say(&format!("{} cannot sign in any more", person.user.login));
            }
            UserCommand::Enable { login } => {
                let person = known(&app, &login).await?;
                app.store.disable_user(&person.user.id, None).await?;
                out.say(&format!("{} can sign in again", person.user.login));
            }
        }
        Ok(Exit::Ok)
    }
}

async fn known(app: &App, login: &str) -> Result<Person, Failure> {
    if let Some((person, _)) = app.store.user(&login.to_lowercase()).await? {
        return Ok(person);
    }
    let known = app.store.users().await?;
    let meant = did_you_mean(login, known.iter().map(|person| person.user.login.as_str()));
    Err(Failure::failed(format!("nobody signs in as {login}{meant}; `statusync user list` shows who does")))
}

impl Add {
    async fn run(self, out: Out, app: &App) -> Result<(), Failure> {
        if let Some(tenant) = &self.place.tenant {
            known_tenant(app, tenant).await?;
        }
        let name = self.name.unwrap_or_else(|| self.login.clone());
        let id = add(app, &self.login, name, (self.place.tenant, self.role)).await?;
        let said = format!("{} is added; by the link above they choose a password", self.login);
        give_link(out, app, &id, &said).await
    }
}

/// Adds somebody who has no password yet; answers the id.
async fn add(
    app: &App,
    login: &str,
    name: String,
    role: (Option<TenantCode>, Role),
) -> Result<String, Failure> {
    people::add(&*app.store, app.clock.now_ms(), login, name, role).await.map_err(not_done)
}

fn not_done(error: PeopleError) -> Failure {
    match error {
        PeopleError::Store(error) => error.into(),
        PeopleError::Random(error) => Failure::failed(sentence(&error)),
    }
}

/// Adds the first of all, who may do everything, and answers a link by which they choose a password; nothing if there is
/// somebody already.
pub(super) async fn first(app: &App) -> Result<Option<String>, Failure> {
    if !app.store.users().await?.is_empty() {
        return Ok(None);
    }
    let id = add(app, "admin", "admin".to_owned(), (None, Role::Admin)).await?;
    Ok(Some(link(app, &id).await?))
}

async fn give_link(out: Out, app: &App, user: &str, said: &str) -> Result<(), Failure> {
    let link = link(app, user).await?;
    if out.is_json {
        return out.json(&json!({ "link": link }));
    }
    out.line(&link)?;
    out.say(&format!("{said}; it serves once, within a day, while `statusync run` is on"));
    Ok(())
}

async fn link(app: &App, user: &str) -> Result<String, Failure> {
    let path = people::link(&*app.store, app.clock.now_ms(), user).await.map_err(not_done)?;
    Ok(format!("{}{}", base(app), path.reveal()))
}

/// How browsers reach the daemon, as far as it is known.
fn base(app: &App) -> String {
    if let Some(url) = &app.config.http.public_url {
        return url.as_str().to_owned();
    }
    let running = presence::find(app.data.path()).and_then(|note| note.http);
    let configured = match app.config.http.listen {
        Listen::At(address) => address.to_string(),
        Listen::Off => "127.0.0.1:8420".to_owned(),
    };
    format!("http://{}", running.unwrap_or(configured))
}

fn list(out: Out, people: &[Person]) -> Result<(), Failure> {
    let cells = |person: &Person| {
        let roles: Vec<String> = person
            .roles
            .iter()
            .map(|(tenant, role)| {
                let place = tenant.as_ref().map_or("every tenant", TenantCode::as_str);
                format!("{role} in {place}")
            })
            .collect();
        let state = match (person.user.disabled_at, person.user.must_change_password) {
            (Some(at), _) => format!("disabled {}", india(at)),
            (None, true) => "password due".to_owned(),
            (None, false) => "active".to_owned(),
        };
        let roles = if roles.is_empty() { "-".to_owned() } else { roles.join(", ") };
        vec![person.user.login.clone(), person.user.name.clone(), roles, state]
    };
    let none = "there is nobody yet; `statusync user add` adds somebody";
    out.list(people, &["login", "name", "roles", "state"], cells, none)
}

impl RoleOf {
    async fn run(self, out: Out, app: &App) -> Result<(), Failure> {
        let person = known(app, &self.login).await?;
        if let Some(tenant) = &self.place.tenant {
            known_tenant(app, tenant).await?;
        }
        app.store.set_role(&person.user.id, self.place.tenant.as_ref(), self.role).await?;
        let role = self.role.map_or("nothing", Role::as_str);
        let place =
            self.place.tenant.map_or_else(|| "every tenant".to_owned(), |code| format!("tenant {code}"));
        out.say(&format!("{} is {role} in {place}", person.user.login));
        Ok(())
    }
}
