//! `reload`

use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::{
    context::Context,
    exit::{Exit, Failure},
};
use crate::presence;

/// How long the daemon is given to say that it has taken the configuration.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often its note is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Have the daemon take its configuration again
#[derive(Debug, Args)]
#[command(
    after_help = "Runs that are on end with what they began with. A configuration that is wrong is told here, and the daemon keeps
the one it has. Where data lies, and where the daemon listens, is taken at its start only. SIGHUP does the same.

Examples:
  statusync reload
  statusync reload --data /var/lib/statusync"
)]
pub(super) struct Reload {}

impl Reload {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        context.config()?;
        let dir = context.data()?.path();
        let nobody = || {
            Failure::new(
                Exit::Blocked,
                format!("no daemon runs on {}; `statusync run` starts one", dir.display()),
            )
        };
        let before = presence::find(dir).ok_or_else(nobody)?;
        let pid = i32::try_from(before.pid).ok().and_then(Pid::from_raw).ok_or_else(nobody)?;
        kill_process(pid, Signal::HUP)
            .map_err(|error| Failure::failed(format!("process {} cannot be told: {error}", before.pid)))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = presence::find(dir).ok_or_else(nobody)?;
            if now.loads > before.loads || now.pid != before.pid {
                return match now.problem {
                    None => {
                        context.out.say(&format!("process {} has taken its configuration", now.pid));
                        Ok(Exit::Ok)
                    }
                    Some(problem) => Err(Failure::failed(format!("the daemon keeps what it had: {problem}"))),
                };
            }
            if Instant::now() > deadline {
                let secs = PATIENCE.as_secs();
                return Err(Failure::failed(format!(
                    "process {} has not answered within {secs} s",
                    before.pid
                )));
            }
            sleep(LOOK).await;
        }
    }
}
