//! `init`

use clap::Args;

use super::{context::Context, exit::{Exit, Failure}};

/// Make the data directory, with a configuration to fill in and the key file
#[derive(Debug, Args)]
#[command(after_help = "Nothing that is there already is touched. Keep a copy of the key file with your backups: what is sealed
with it opens with nothing else.

Examples:
  statusync init
  statusync init --data /var/lib/statusync")]
pub(super) struct Init {}

impl Init {
    #[expect(clippy::unused_self, reason = "every command is run so")]
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (data, out) = (context.data()?, context.out);
        let made = data.make(context.config()?)?;
        if made.is_empty() {
            out.say(&format!("{} is there already; nothing was changed", data.path().display()));
            return Ok(Exit::Ok);
        }
        for path in made {
            out.say(&format!("made {}", path.display()));
        }
        out.say("next: `statusync import FILE` or `statusync tenant add CODE`; `statusync doctor` looks everything over");
        Ok(Exit::Ok)
    }
}
