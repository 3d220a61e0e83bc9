//! `connector new`: writes the folder of a connector that compiles and passes its own tests at once.
//!
//! The files are templates of this program. What they hold is meant to be read and changed; nothing remembers that it was
//! written by a machine.

mod template;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use self::template::{filled, render};
use super::{
    exit::{Exit, Failure},
    output::Out,
};

/// Begin a connector: a folder that compiles and passes its own tests at once
#[derive(Debug, Args)]
#[command(
    after_help = "The code depends on plugin-api alone; it is taken from the copy of Statusync's sources around the current
folder or the program, or from where --plugin-api says.

Examples:
  statusync connector new bazaar --auth oauth2 --paging token
  statusync connector new bazaar --auth header --paging page --plugin-api ../statusync/plugin-api"
)]
pub(super) struct New {
    /// Its id, and the folder's name: lower-case letters, digits and single `-`
    name: String,
    /// How an account signs in
    #[arg(long, value_enum)]
    auth: Auth,
    /// How a list goes on
    #[arg(long, value_enum)]
    paging: Paging,
    /// The folder of plugin-api's sources
    #[arg(long, value_name = "DIR")]
    plugin_api: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Auth {
    /// Not at all
    None,
    /// User and password with every call
    Basic,
    /// A key in a header of its own
    Header,
    /// A token that does not change
    Bearer,
    /// Client id and secret for a token that runs out
    Oauth2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Paging {
    /// It has one page
    None,
    /// Pages are numbered
    Page,
    /// A page holds the link to the next
    Link,
    /// A page holds a token for the next
    Token,
}

macro_rules! templates {
    ($($path:literal = $template:literal,)*) => {
        &[$(($path, include_str!(concat!("connector_new/templates/", $template, ".tmpl"))),)*]
    };
}

/// The files and their templates. A file of nothing is not written.
const FILES: &[(&str, &str)] = templates![
    "Cargo.toml" = "Cargo.toml",
    "README.md" = "README.md",
    "src/lib.rs" = "lib.rs",
    "src/descriptor.rs" = "descriptor.rs",
    "src/config.rs" = "config.rs",
    "src/auth.rs" = "auth.rs",
    "src/requests.rs" = "requests.rs",
    "src/wire.rs" = "wire.rs",
    "src/status.rs" = "status.rs",
    "src/observe.rs" = "observe.rs",
    "src/errors.rs" = "errors.rs",
    "src/pull.rs" = "pull.rs",
    "src/tests.rs" = "tests.rs",
    "fixtures/README.md" = "fixtures.md",
    "fixtures/orders.json" = "orders.json",
    "fixtures/suite.toml" = "suite.toml",
];

impl Auth {
    const fn word(self) -> &'static str {
        match self {
            Auth::None => "none",
            Auth::Basic => "basic",
            Auth::Header => "header",
            Auth::Bearer => "bearer",
            Auth::Oauth2 => "oauth2",
        }
    }

    const fn scheme(self) -> &'static str {
        match self {
            Auth::None => "none",
            Auth::Basic => "HTTP Basic",
            Auth::Header => "a key in a header",
            Auth::Bearer => "a bearer token that does not change",
            Auth::Oauth2 => "OAuth 2 client credentials",
        }
    }

    const fn secrets(self) -> &'static str {
        match self {
            Auth::None => "No secrets.",
            Auth::Basic => "Secrets `username` and `password`.",
            Auth::Header => "Secret `api_key`.",
            Auth::Bearer => "Secret `token`.",
            Auth::Oauth2 => "Secrets `client_id` and `client_secret`.",
        }
    }

    /// What is imported for signing, and how a request is signed.
    const fn signing(self) -> (&'static str, &'static str) {
        match self {
            Auth::None => ("", ""),
            Auth::Basic => ("", ".basic_auth(\"username\", \"password\")"),
            Auth::Header => ("secret, ", ".header(\"x-api-key\", secret(\"api_key\"))"),
            Auth::Bearer => ("secret, ", ".bearer(secret(\"token\"))"),
            Auth::Oauth2 => ("account_token, secret, ", ".bearer(account_token())"),
        }
    }
}

impl Paging {
    const fn word(self) -> &'static str {
        match self {
            Paging::None => "none",
            Paging::Page => "page",
            Paging::Link => "link",
            Paging::Token => "token",
        }
    }

    /// The member of a page that leads on, the query of the page after it as TOML, and as part of a URL.
    const fn leads_on(self) -> [&'static str; 3] {
        match self {
            Paging::None => ["", "", ""],
            Paging::Page => ["\"has_more\":true", "{ page = \"2\" }", "page=2"],
            Paging::Link => ["\"next\":\"/v1/orders?cursor=c2\"", "{ cursor = \"c2\" }", "cursor=c2"],
            Paging::Token => ["\"next\":\"c2\"", "{ cursor = \"c2\" }", "cursor=c2"],
        }
    }
}

impl New {
    pub(super) fn run(self, out: Out) -> Result<Exit, Failure> {
        check_name(&self.name)?;
        let plugin_api = self.sources()?;
        let folder = PathBuf::from(&self.name);
        if folder.exists() {
            return Err(Failure::usage(format!(
                "{} is there already: choose another name",
                folder.display()
            )));
        }
        let mut written = Vec::new();
        for (path, text) in self.files(&plugin_api) {
            let file = folder.join(path);
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&file, text)?;
            written.push(file.display().to_string());
        }
        // The versions that are known to work together, so that nothing has to be looked up.
        let lock = plugin_api.join("../Cargo.lock");
        if lock.is_file() {
            fs::copy(lock, folder.join("Cargo.lock"))?;
        }
        if out.is_json {
            out.json(&serde_json::json!({ "folder": folder, "files": written }))?;
        } else {
            for file in written {
                out.line(&file)?;
            }
            out.say(&format!(
                "next: cd {name}, `cargo test`, `statusync connector test .`; then make the marketplace in it yours, from \
                 src/descriptor.rs on",
                name = self.name
            ));
        }
        Ok(Exit::Ok)
    }

    /// The files, by their paths in the folder.
    fn files(&self, plugin_api: &Path) -> Vec<(&'static str, String)> {
        let parts: Vec<String> = self.name.split('-').map(capital).collect();
        let (auth_use, sign) = self.auth.signing();
        let [leads_on, second_query, second] = self.paging.leads_on();
        let (is_login, is_link) = (self.auth == Auth::Oauth2, self.paging == Paging::Link);
        let when = |is_so: bool, text: &'static str| if is_so { text } else { "" };
        let plugin_api = plugin_api.display().to_string();
        let (title, type_name) = (parts.join(" "), parts.concat());
        let more =
            if leads_on.is_empty() { String::new() } else { format!(",\n  {}", leads_on.replace(':', ": ")) };
        let values: &[(&str, &str)] = &[
            ("name", &self.name),
            ("title", &title),
            ("type", &type_name),
            ("plugin_api", &plugin_api),
            ("scheme", self.auth.scheme()),
            ("secrets", self.auth.secrets()),
            ("login", if is_login { "true" } else { "false" }),
            ("expired", when(is_login, "401")),
            ("token", when(is_login, "Token, ")),
            ("auth_use", auth_use),
            ("sign", sign),
            ("errors_use", when(is_link, "Error, ")),
            ("results_use", when(is_link, "Result, ")),
            ("settings", when(is_link, "settings, ")),
            ("path", if is_link { "{PATH}" } else { "/v1/orders" }),
            ("leads_on", leads_on),
            ("more", &more),
            ("second_query", second_query),
            ("second", second),
        ];
        let chosen = [self.auth.word(), &format!("{}-paging", self.paging.word())];
        FILES
            .iter()
            .filter(|(path, _)| is_login || *path != "src/auth.rs")
            .map(|(path, template)| (*path, filled(&render(template, &chosen), values)))
            .collect()
    }

    /// Where plugin-api's sources are, so that a manifest in the new folder can name them.
    fn sources(&self) -> Result<PathBuf, Failure> {
        if let Some(given) = &self.plugin_api {
            if is_plugin_api(given) {
                return Ok(given.canonicalize()?);
            }
            return Err(Failure::usage(format!("{} holds no plugin-api: name its folder", given.display())));
        }
        let program = env::current_exe().ok();
        let around = [env::current_dir().ok(), program];
        let folders = around.iter().flatten().flat_map(|path| path.ancestors());
        let found = folders.map(|folder| folder.join("plugin-api")).find(|folder| is_plugin_api(folder));
        found.ok_or_else(|| {
            Failure::usage(
                "plugin-api is nowhere around: give the folder of its sources with --plugin-api, or stand in a copy of \
                 Statusync's",
            )
        })
    }
}

fn is_plugin_api(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.trim() == "name = \"plugin-api\"")
}

fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_id = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
        && !name.contains("--")
        && !name.ends_with('-');
    if is_id {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "`{name}` is no id: lower-case letters, digits and single `-`, after a letter"
    )))
}

fn capital(part: &str) -> String {
    let mut letters = part.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, auth: Auth, paging: Paging) -> New {
        New { name: name.to_owned(), auth, paging, plugin_api: None }
    }

    #[test]
    fn names_are_ids() {
        for name in ["bazaar", "tata-cliq", "shop2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "Bazaar", "2shop", "a--b", "a-", "-a", "a_b", "a/b", "../a"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn nothing_of_a_template_is_left_in_any_choice() {
        for auth in Auth::value_variants() {
            for paging in Paging::value_variants() {
                let files = new("tata-cliq", *auth, *paging).files(Path::new("/src/plugin-api"));
                for (path, text) in &files {
                    // A place is `{{name}}`; the doubled braces of a `format!` are no place.
                    let is_place = |rest: &str| rest.starts_with(|c: char| c.is_ascii_lowercase());
                    let left = text.split("{{").skip(1).any(is_place)
                        || text.lines().any(|line| line.starts_with('%'));
                    assert!(!left, "{auth:?}, {paging:?}, {path}:\n{text}");
                    assert!(!text.contains("\n\n\n"), "{auth:?}, {paging:?}, {path} has a hole:\n{text}");
                }
                assert_eq!(files.len(), if *auth == Auth::Oauth2 { FILES.len() } else { FILES.len() - 1 });
                let library = &files.iter().find(|(path, _)| *path == "src/lib.rs").unwrap().1;
                assert!(
                    library.contains("struct TataCliq {") && library.starts_with("//! Tata Cliq as"),
                    "{library}"
                );
            }
        }
    }
}
