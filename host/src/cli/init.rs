//! `init`

use clap::Args;

use super::{
    context::Context,
    exit::{Exit, Failure},
    user,
};
use crate::config::DatabaseUrl;

/// Make the data directory, with a configuration to fill in, the key file, and the first who may sign in
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing that is there already is touched. Keep a copy of the key file with your backups: what is sealed
with it opens with nothing else.

Examples:
  statusync init
  statusync init --data /var/lib/statusync"
)]
pub(super) struct Init {}

impl Init {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (data, out) = (context.data()?, context.out);
        let made = data.make(context.config()?)?;
        if made.is_empty() {
            out.say(&format!("{} is there already; nothing was changed", data.path().display()));
            return Ok(Exit::Ok);
        }
        for path in made {
            out.say(&format!("made {}", path.display()));
        }
        if matches!(context.config()?.database.url, Some(DatabaseUrl::Postgres(_))) {
            out.say("`statusync user add NAME --role admin --every-tenant` adds the first who may sign in to the console");
        } else if let Some(link) = user::first(&context.open()?).await? {
            out.say(&format!(
                "added the user admin, who chooses a password at {link}\n  (once, within a day, while `statusync run` is \
                 on; `statusync user reset admin` prints another link)"
            ));
        }
        out.say("next: `statusync import FILE` or `statusync tenant add CODE`; `statusync doctor` looks everything over");
        Ok(Exit::Ok)
    }
}
