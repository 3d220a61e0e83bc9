//! Words: what each row of a status table becomes, and what an unknown word becomes.

use std::{collections::BTreeMap, sync::PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{Observation, Status, StatusRow};

use super::{Bench, Outcome, PASSED, Verdict, rows};
use crate::conformance::{Scene, Table, Word, stage::Act};

/// A word of the marketplace's, put where it stands.
struct Tried<'a> {
    table: &'a Table,
    row: &'a StatusRow,
    word: Option<&'a Word>,
}

impl Tried<'_> {
    /// The text in the reply.
    fn put(&self) -> &str {
        self.word.and_then(|word| word.put.as_deref()).unwrap_or(&self.row.raw)
    }

    /// What is to be reported of it.
    fn expected(&self) -> Option<Status> {
        match self.word.and_then(|word| word.status.as_deref()) {
            Some(status) => Status::parse(status),
            None => self.row.status.or(self.table.silent),
        }
    }

    fn words(&self) -> BTreeMap<String, String> {
        let mut words = self.table.with.clone();
        words.extend(self.word.iter().flat_map(|word| word.with.clone()));
        words.insert(self.table.place.clone(), self.put().to_owned());
        words
    }

    fn is_said_by(&self, seen: &Observation) -> bool {
        says(&seen.raw, &self.row.raw) || says(&seen.raw, self.put())
    }
}

pub(super) fn mean<'a>(bench: &'a Bench<'a>, row: &'a StatusRow) -> BoxFuture<'a, Verdict> {
    async move {
        let tables: Vec<&Table> =
            bench.subject.tables.iter().filter(|table| table.vocabulary == row.vocabulary).collect();
        if tables.is_empty() {
            return Err(format!(
                "no reply shows a word of `{}`: say in fixtures/suite.toml at which place they stand, with [[tables]]",
                row.vocabulary
            ));
        }
        for table in tables {
            let word = table.words.iter().find(|word| word.word == row.raw);
            if let (None, Some(why)) = (word, &table.unreached) {
                return Ok(Outcome::NotForThis(why.clone()));
            }
            let tried = Tried { table, row, word };
            for scene in bench.subject.scenes_of(table) {
                means(bench, &tried, scene).await?;
            }
        }
        PASSED
    }
    .boxed()
}

async fn means(bench: &Bench<'_>, tried: &Tried<'_>, scene: &Scene) -> Result<(), String> {
    let (words, expected) = (tried.words(), tried.expected());
    let ran = rows::shown(bench, Act { words, ..Act::rows(scene) }).await?;
    let said: Vec<&Observation> = ran.observations.iter().filter(|seen| tried.is_said_by(seen)).collect();
    let (raw, name) = (&tried.row.raw, &scene.name);
    if !said.iter().any(|seen| seen.status == expected) {
        let statuses: Vec<_> = said.iter().map(|seen| shown(seen.status)).collect();
        return Err(format!(
            "in scene {name}, `{}` is reported as [{}] and not as {}: read it as the table says, and keep its text as \
             `raw`; if its meaning depends on more, say so with [[tables.words]] in fixtures/suite.toml",
            tried.put(),
            statuses.join(", "),
            shown(expected)
        ));
    }
    let usual = bench.usual(scene).await?;
    let allowed = allowed(bench, tried, expected);
    if let Some(seen) =
        said.iter().find(|seen| !allowed.contains(&seen.status) && !usual.observations.contains(*seen))
    {
        return Err(format!(
            "in scene {name}, `{raw}` is reported as {} besides, which no table says: report one meaning for each table",
            shown(seen.status)
        ));
    }
    let mut proved = bench.proved.lock().unwrap_or_else(PoisonError::into_inner);
    proved.extend(said.iter().filter_map(|seen| Some((seen.status?, scene.scope_kind()))));
    Ok(())
}

/// What every table of the same place says of the word: one word may speak of goods and of their courier.
fn allowed(bench: &Bench<'_>, tried: &Tried<'_>, expected: Option<Status>) -> Vec<Option<Status>> {
    let beside = bench.subject.tables.iter().filter(|table| table.place == tried.table.place);
    let vocabularies: Vec<&str> = beside.map(|table| table.vocabulary.as_str()).collect();
    let rows = bench.host.descriptor().statuses.iter();
    let same = rows.filter(|row| row.raw == tried.row.raw && vocabularies.contains(&row.vocabulary.as_str()));
    same.map(|row| row.status).chain([expected]).collect()
}

fn shown(status: Option<Status>) -> &'static str {
    status.map_or("no status", Status::as_str)
}

/// Whether a text holds a word, not just as a part of a longer one. Marketplaces that do not mind case are read so.
fn says(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    let goes_on = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        let starts_word = !word.starts_with(goes_on) || !before.ends_with(goes_on);
        let ends_word = !word.ends_with(goes_on) || !after.starts_with(goes_on);
        starts_word && ends_word
    })
}

pub(super) fn unknown<'a>(bench: &'a Bench<'a>, table: &'a Table) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(why) = &table.closed {
            return Ok(Outcome::NotForThis(why.clone()));
        }
        let expected = table.unknown_is.unwrap_or(Status::Unmapped);
        let mut words = table.with.clone();
        words.insert(table.place.clone(), table.unknown.clone());
        for scene in bench.subject.scenes_of(table) {
            let ran = rows::shown(bench, Act { words: words.clone(), ..Act::rows(scene) }).await?;
            let said: Vec<&Observation> =
                ran.observations.iter().filter(|seen| says(&seen.raw, &table.unknown)).collect();
            if said.is_empty() {
                return Err(format!(
                    "in scene {}, a row with the unknown word `{}` is dropped or loses its text: report it as UNMAPPED with \
                     its text",
                    scene.name, table.unknown
                ));
            }
            if let Some(seen) = said.iter().find(|seen| seen.status != Some(expected)) {
                return Err(format!(
                    "in scene {}, an unknown word becomes {}, with the text `{}`: look words up in the table and guess none",
                    scene.name,
                    shown(seen.status),
                    seen.raw
                ));
            }
        }
        PASSED
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn a_word_is_not_found_inside_another() {
        assert!(says("created/in_transit", "created") && says("(none)/start", "(none)"));
        assert!(says("15 Out for delivery", "15") && says("Cancelled", "CANCELLED"));
        assert!(!says("return_created/start", "created") && !says("151", "15") && !says("x", "created"));
    }
}
