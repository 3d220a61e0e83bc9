//! `backup FILE`, `restore FILE`

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

use super::{
    context::Context,
    exit::{Exit, Failure, sentence},
    output::india,
};
use crate::{
    app::App,
    presence::{Presence, PresenceError},
    storage::{StoreError, copy},
};

/// How a compressed file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Write everything that is kept to a file, while work goes on
#[derive(Debug, Args)]
#[command(
    after_help = "Secrets in it stay sealed: keep a copy of the key file too, in another place. The file is the same for every
kind of database, so it can be restored into another kind.

Example:
  statusync backup /backup/statusync-2026-01-15.gz"
)]
pub(super) struct Backup {
    /// The file to write; it must not exist
    file: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let app = context.open()?;
        let file = &self.file;
        if file.exists() {
            return Err(Failure::failed(format!("{} exists already; name another file", file.display())));
        }
        let failed =
            |error: io::Error| Failure::failed(format!("could not write {}: {error}", file.display()));
        // Under its own name it is whole.
        let part = beside(file);
        let mut out = GzEncoder::new(BufWriter::new(private(&part).map_err(failed)?), Compression::fast());
        let written = match copy::write(&*app.store, app.clock.now_ms(), &mut out).await {
            Ok(written) => written,
            Err(error) => {
                // It is of no use, and its name is ours.
                let _ = fs::remove_file(&part);
                return Err(match error {
                    StoreError::Output(error) => failed(error),
                    other => other.into(),
                });
            }
        };
        let whole = out.finish().and_then(|out| out.into_inner().map_err(io::IntoInnerError::into_error));
        whole.and_then(|file| file.sync_all()).map_err(failed)?;
        fs::rename(&part, file).map_err(failed)?;
        context.out.say(&format!(
            "{} holds {}",
            file.display(),
            counted(written.tenants.len(), written.rows)
        ));
        context.out.say(&format!("secrets in it open with {} only", app.data.key_file().display()));
        Ok(Exit::Ok)
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn private(file: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// Take everything from a backup into an empty database
#[derive(Debug, Args)]
#[command(
    after_help = "The database must have no tenants, and no daemon may run on the data directory. Put the key file that
belongs to the backup into the data directory first.

A backup does not know the invoice numbers that were given after it was made: set each series past the last number
that was used (`statusync sequence set`) before you start the daemon.

Example:
  statusync init --data /var/lib/statusync
  cp /safe/key /var/lib/statusync/key
  statusync restore --data /var/lib/statusync /backup/statusync-2026-01-15.gz"
)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
}

impl Restore {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let app = context.open()?;
        let _alone = Presence::take(app.data.path(), app.clock.now_ms()).map_err(|error| match error {
            PresenceError::Taken { .. } => {
                Failure::new(Exit::Blocked, format!("{}; stop it first", sentence(&error)))
            }
            PresenceError::File { .. } => Failure::failed(sentence(&error)),
        })?;
        let wrong = |error: StoreError| match error {
            StoreError::Contradiction(problem) => {
                Failure::failed(format!("{}: {problem}; nothing was taken", self.file.display()))
            }
            other => other.into(),
        };
        // Read to its end first: a copy that is cut is refused before anything of it is there.
        copy::check(open(&self.file)?).map_err(wrong)?;
        let taken = copy::take(&*app.store, open(&self.file)?).await.map_err(wrong)?;
        let held = counted(taken.tenants.len(), taken.rows);
        context.out.say(&format!("{held} are here as they were on {}", india(taken.taken_at)));
        tell_what_to_look_at(context, &app, &taken).await?;
        Ok(Exit::Ok)
    }
}

/// `1 tenant, 12 rows`
pub(super) fn counted(tenants: usize, rows: u64) -> String {
    let s = |is_one: bool| if is_one { "" } else { "s" };
    format!("{tenants} tenant{}, {rows} row{}", s(tenants == 1), s(rows == 1))
}

fn open(file: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("could not read {}: {error}", file.display()));
    let mut start = Vec::new();
    File::open(file).map_err(failed)?.take(2).read_to_end(&mut start).map_err(failed)?;
    let file = BufReader::new(File::open(file).map_err(failed)?);
    Ok(if start == GZIP { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) })
}

async fn tell_what_to_look_at(context: &Context, app: &App, taken: &copy::Contents) -> Result<(), Failure> {
    let mut series = 0;
    for tenant in &taken.tenants {
        series += app.store.sequences(tenant).await?.len();
        for channel in app.store.channels(tenant).await? {
            if let Err(error) = app.store.secrets(tenant, &channel.code).await {
                let code = &channel.code;
                context.out.warn(&format!("tenant {tenant}, channel {code}: {}", sentence(&error)));
            }
        }
    }
    if series > 0 {
        context.out.say(&format!(
            "{series} number series go on where the backup left them; `statusync sequence list` shows them, and `sequence \
             set` puts one past numbers that were given since"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_told_as_many() {
        assert_eq!(counted(1, 1), "1 tenant, 1 row");
        assert_eq!(counted(2, 0), "2 tenants, 0 rows");
    }
}
