//! `connector test`: the family suite before a connector that is being written. No account, no database, no network.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::{Context, Passing},
    exit::{Exit, Failure},
    output::Out,
};
use crate::{
    plugins::Connector,
    proof::{Candidate, Log, Outcome, Report, Subject},
};

/// Put a connector before the family suite, which asks every connector the same questions
#[derive(Debug, Args)]
#[command(
    after_help = "The folder's fixtures/suite.toml says how the marketplace looks; docs/ADDING_A_CONNECTOR.md describes it.
Each case is a line: ✓ right, ✗ wrong and what to mend, – left out and why. Exit code 0: nothing to mend.

Examples:
  statusync connector test connectors/flipkart
  statusync connector test bazaar --lib target/debug/libbazaar.so"
)]
pub(super) struct Test {
    /// The connector's folder
    folder: PathBuf,
    /// Its library [default: what `cargo build` makes in the folder]
    #[arg(long, value_name = "FILE")]
    lib: Option<PathBuf>,
}

impl Test {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let log = Log::start();
        let subject = Subject::read(&self.folder).map_err(Failure::usage)?;
        let library = match self.lib {
            Some(library) => library,
            None => built(context.out, self.folder).await?,
        };
        let store = Passing::new()?;
        let connector =
            Connector::load(&library, &store.0).map_err(|error| Failure::failed(error.sentence()))?;
        let candidate =
            Candidate::new(Arc::new(connector), log).map_err(|error| Failure::failed(error.to_string()))?;
        report(context.out, &candidate.prove(&subject).await)
    }
}

fn report(out: Out, report: &Report) -> Result<Exit, Failure> {
    let verdict = report.verdict();
    if out.is_json {
        let cases: Vec<Value> = report
            .cases
            .iter()
            .map(|(name, verdict)| match verdict {
                Ok(Outcome::Passed) => json!({ "name": name, "outcome": "passed" }),
                Ok(Outcome::NotForThis(why)) => {
                    json!({ "name": name, "outcome": "left_out", "sentence": why })
                }
                Err(mend) => json!({ "name": name, "outcome": "failed", "sentence": mend }),
            })
            .collect();
        out.json(&json!({ "ok": verdict.is_ok(), "cases": cases }))?;
    } else {
        for (name, verdict) in &report.cases {
            match verdict {
                Ok(Outcome::Passed) => out.line(&format!("✓ {name}"))?,
                Ok(Outcome::NotForThis(why)) => out.line(&format!("– {name}: {why}"))?,
                Err(mend) => out.line(&format!("✗ {name}: {mend}"))?,
            }
        }
    }
    let (passed, failed) = (report.passed().count(), report.failed().count());
    out.say(&format!("{passed} passed, {failed} failed, {} left out", report.left_out().count()));
    Ok(if verdict.is_ok() { Exit::Ok } else { Exit::Failed })
}

/// The library that cargo builds in a folder.
async fn built(out: Out, folder: PathBuf) -> Result<PathBuf, Failure> {
    if !folder.join("Cargo.toml").is_file() {
        let folder = folder.display();
        return Err(Failure::usage(format!("{folder} has no Cargo.toml: name the library with --lib")));
    }
    out.say("building with cargo");
    let building = tokio::task::spawn_blocking(move || build(&folder)).await;
    building.map_err(|_| Failure::failed("the build broke off"))?
}

fn build(folder: &Path) -> Result<PathBuf, Failure> {
    let failed = |what: String| Failure::failed(format!("{}: {what}", folder.display()));
    let done = Command::new("cargo")
        .args(["build", "--quiet", "--message-format=json-render-diagnostics"])
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("cargo cannot be started ({error}): name a library with --lib")))?;
    if !done.status.success() {
        return Err(failed("it does not build; see above".to_owned()));
    }
    let manifest = folder.join("Cargo.toml").canonicalize()?;
    let told = String::from_utf8_lossy(&done.stdout);
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let library = messages
        .filter(|message| {
            message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
                && message["target"]["kind"].as_array().is_some_and(|kinds| kinds.contains(&"cdylib".into()))
        })
        .find_map(|message| {
            let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
            files.into_iter().find(|file| file.extension().is_some_and(|kind| kind == "so"))
        });
    library.ok_or_else(|| failed("it builds no library: write `crate-type = [\"cdylib\"]`".to_owned()))
}
