//! `completions SHELL`

use clap::{Args, Command};
use clap_complete::Shell;

use super::{context::Context, exit::{Exit, Failure}};

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  statusync completions bash > /etc/bash_completion.d/statusync")]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, context: &Context, command: &mut Command) -> Result<Exit, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, command, "statusync", &mut text);
        context.out.line(String::from_utf8_lossy(&text).trim_end())?;
        Ok(Exit::Ok)
    }
}
