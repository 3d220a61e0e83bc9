//! The returns report: has it made, waits, fetches it. The id of a report under way is kept in the mark, so that the
//! next pull goes on with it. What its rows mean is not decided here.

use std::{io::Read as _, time::Duration};

use plugin_api::{Cx, Error, ErrorKind, Mark, Millis, Reply, Request, Result};
use serde::{Deserialize, Serialize};

use crate::{
    config::{self, Config},
    descriptor::DOCUMENT_HOSTS,
    errors, requests, returns, wire,
};

/// The longest window of one report: 60 days work, 90 were answered FATAL (field reports, read 2026-09).
const LONGEST_WINDOW_MS: Millis = 60 * 86_400_000;
/// A report under way that is older is left: its window is a day old.
const STALE_AFTER_MS: Millis = 86_400_000;
/// A report that is still not made by then is given up.
const LONGEST_WAIT: Duration = Duration::from_hours(2);
const FIRST_WAIT: Duration = Duration::from_secs(15);
const NEXT_WAIT: Duration = Duration::from_mins(1);
/// The most that a document may unpack to.
const DOCUMENT_BYTES: u64 = 64 << 20;

/// A report that is being made, as the mark keeps it. Stored: only add fields, with defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unfinished {
    report: String,
    /// The end of its window, UTC.
    until: Millis,
    /// The start of the run that asked for it, UTC.
    asked_at: Millis,
}

impl Unfinished {
    fn read(mark: &str) -> Option<Self> {
        serde_json::from_str(mark).ok()
    }

    fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// How a report ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// Its rows were reported; there may have been none.
    Read,
    /// Amazon does not know it (any more).
    Gone,
    /// The app may not read reports.
    Denied,
}

/// Reports the returns that were requested in a window, or goes on with the report that the mark names.
///
/// Rows change after their request date, so every run has to read the whole window again; the mark says only that
/// nothing requested before it is unknown.
///
/// # Errors
/// `unavailable` if the report fails, vanishes or is not made in two hours; the next pull then begins a new one.
pub(crate) async fn pull(
    cx: &Cx,
    config: &Config,
    since: Millis,
    until: Millis,
    mark: Option<Mark>,
) -> Result<Mark> {
    let mark = mark.unwrap_or_default();
    let mut flow = Flow { cx, config, complete_until: mark.complete_until };
    if let Some(unfinished) = Unfinished::read(&mark.text)
        && cx.now() - unfinished.asked_at < STALE_AFTER_MS
        && requests::is_id(&unfinished.report)
    {
        match flow.finish(&unfinished).await? {
            Ending::Read => return Ok(Mark::complete_until(unfinished.until)),
            Ending::Denied => return Ok(flow.mark("")),
            Ending::Gone => {
                tracing::warn!("the returns report of the last run has vanished; asking for a new one");
            }
        }
    }
    let end = until.min(cx.now() - requests::YOUNGEST_BOUND_MS);
    let mut start = since;
    while start < end {
        let stop = end.min(start.saturating_add(LONGEST_WINDOW_MS));
        let Some(unfinished) = flow.create(start, stop).await? else { return Ok(flow.mark("")) };
        match flow.finish(&unfinished).await? {
            Ending::Read => flow.complete_until = flow.complete_until.max(Some(stop)),
            Ending::Denied => return Ok(flow.mark("")),
            Ending::Gone => return Err(flow.give_up("Amazon does not know the report it has just begun")),
        }
        start = stop;
    }
    Ok(flow.mark(""))
}

/// A run of the report.
struct Flow<'a> {
    cx: &'a Cx,
    config: &'a Config,
    complete_until: Option<Millis>,
}

impl Flow<'_> {
    /// Asks for a report and keeps its id at once; `None` if the app may not.
    async fn create(&self, since: Millis, until: Millis) -> Result<Option<Unfinished>> {
        let Some(reply) = self.send(requests::create_report(self.config, since, until)).await? else {
            return Ok(None);
        };
        let created: wire::ReportCreated = errors::check(reply, requests::CREATE_REPORT)?.json()?;
        if !requests::is_id(&created.report_id) {
            return Err(Error::bad_reply("the report has no usable id").during(requests::CREATE_REPORT));
        }
        let unfinished = Unfinished { report: created.report_id, until, asked_at: self.cx.now() };
        self.cx.checkpoint(self.mark(&unfinished.write()));
        Ok(Some(unfinished))
    }

    /// Waits for a report and reports its rows.
    async fn finish(&self, unfinished: &Unfinished) -> Result<Ending> {
        let since_asked = u64::try_from(self.cx.now() - unfinished.asked_at).unwrap_or(0);
        let mut waited = Duration::from_millis(since_asked);
        let mut wait = FIRST_WAIT;
        loop {
            let Some(reply) = self.send(requests::get_report(self.config, &unfinished.report)).await? else {
                return Ok(Ending::Denied);
            };
            if reply.status == 404 {
                return Ok(Ending::Gone);
            }
            let report: wire::Report = errors::check(reply, requests::GET_REPORT)?.json()?;
            match report.processing_status.as_str() {
                "IN_QUEUE" | "IN_PROGRESS" if waited < LONGEST_WAIT => {}
                "IN_QUEUE" | "IN_PROGRESS" => {
                    return Err(self.give_up("the report is not made after two hours"));
                }
                "DONE" => return self.read(report.report_document_id).await,
                // Amazon's word for "there are no rows", too.
                "CANCELLED" => return Ok(Ending::Read),
                "FATAL" => return Err(self.give_up("Amazon could not make the report (FATAL)")),
                _ => {
                    let unknown = "the report is in a state that Amazon does not document";
                    return Err(Error::bad_reply(unknown).during(requests::GET_REPORT));
                }
            }
            self.cx.sleep(wait).await?;
            waited += wait;
            wait = (wait * 2).min(NEXT_WAIT);
        }
    }

    /// Fetches a document and reports its rows. Its address lives for five minutes: if it is refused, a new one is
    /// asked for once.
    async fn read(&self, document: Option<String>) -> Result<Ending> {
        let Some(document) = document.filter(|id| requests::is_id(id)) else {
            return Err(
                Error::bad_reply("the report is done but names no document").during(requests::GET_REPORT)
            );
        };
        for is_last in [false, true] {
            let Some(reply) = self.send(requests::get_report_document(self.config, &document)).await? else {
                return Ok(Ending::Denied);
            };
            if reply.status == 404 {
                return Err(self.give_up("Amazon does not know the report's document any more"));
            }
            let place: wire::ReportDocument = errors::check(reply, requests::GET_REPORT_DOCUMENT)?.json()?;
            self.check_host(&place.url)?;
            match self.cx.send(requests::download_document(&place.url)).await {
                Ok(reply) if matches!(reply.status, 401 | 403 | 404) && !is_last => {}
                Err(error) if error.kind == ErrorKind::Auth && !is_last => {}
                Ok(reply) if !matches!(reply.status, 401 | 403 | 404) => {
                    let reply = errors::check(reply, requests::DOWNLOAD_DOCUMENT)?;
                    let text = unpack(&reply.body, place.compression_algorithm.as_deref())?;
                    self.cx.observe(returns::read(&text)?);
                    return Ok(Ending::Read);
                }
                Err(error) if error.kind != ErrorKind::Auth => return Err(error),
                Ok(_) | Err(_) => break,
            }
        }
        let refused = "the place of the report's document refuses it; the next run asks again";
        Err(Error::new(ErrorKind::Unavailable, refused).during(requests::DOWNLOAD_DOCUMENT))
    }

    /// Sends to the reports interface; `None` if the app may not use it. A login that fails stays an error.
    async fn send(&self, request: Request) -> Result<Option<Reply>> {
        let operation = request.operation().to_owned();
        let is_denied = match self.cx.send(request).await {
            Ok(reply) if !matches!(reply.status, 401 | 403) => return Ok(Some(reply)),
            Ok(_) => true,
            Err(error) => {
                if error.kind != ErrorKind::Auth || error.operation != operation {
                    return Err(error);
                }
                true
            }
        };
        if is_denied {
            tracing::warn!(
                operation,
                "Amazon denies the returns report: the app lacks the role Inventory and Order Tracking. Going on \
                 without buyer returns"
            );
        }
        Ok(None)
    }

    /// A document's address comes in a reply, so its host must be one that we or the operator know.
    fn check_host(&self, url: &str) -> Result<()> {
        let host = config::host(url).ok_or_else(|| {
            Error::bad_reply("the document's address is no URL").during(requests::GET_REPORT_DOCUMENT)
        })?;
        let set = [Some(&self.config.base_url), self.config.document_url.as_ref()];
        let is_known = DOCUMENT_HOSTS.contains(&host.as_str())
            || set.into_iter().flatten().any(|url| config::host(url).as_deref() == Some(&host));
        if is_known {
            return Ok(());
        }
        let message = format!(
            "the report's document lies on `{host}`: if that is Amazon's, set `document_url = \"https://{host}\"`"
        );
        Err(Error::config(message).during(requests::GET_REPORT_DOCUMENT))
    }

    /// Forgets the report under way, so that the next pull begins a new one.
    fn give_up(&self, why: &str) -> Error {
        self.cx.checkpoint(self.mark(""));
        Error::new(ErrorKind::Unavailable, format!("{why}; the next run asks for a new one"))
            .during(requests::GET_REPORT)
    }

    fn mark(&self, text: &str) -> Mark {
        Mark { text: text.to_owned(), complete_until: self.complete_until }
    }
}

/// A document's text: unpacked, and read as UTF-8 or else as Latin-1.
fn unpack(body: &[u8], compression: Option<&str>) -> Result<String> {
    let bad = |what: &str| Error::bad_reply(what).during(requests::DOWNLOAD_DOCUMENT);
    if !matches!(compression, None | Some("" | "GZIP")) {
        return Err(bad("the document is packed in a way that Amazon does not document"));
    }
    // Whether it is packed is seen by its first bytes: whoever fetched it may have unpacked it, and no table starts so.
    let mut unpacked = Vec::new();
    let bytes = if body.starts_with(&[0x1f, 0x8b]) {
        let reader = flate2::read::MultiGzDecoder::new(body);
        reader
            .take(DOCUMENT_BYTES + 1)
            .read_to_end(&mut unpacked)
            .map_err(|_| bad("the document cannot be unpacked"))?;
        if unpacked.len() as u64 > DOCUMENT_BYTES {
            return Err(bad("the document unpacks to more than 64 MiB: ask for a shorter window"));
        }
        unpacked.as_slice()
    } else {
        body
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_of_a_report_under_way_is_this() {
        let stored = r#"{"report":"R1","until":1788434880000,"asked_at":1788435000000}"#;
        let unfinished = Unfinished::read(stored).unwrap();
        assert_eq!(unfinished.write(), stored);
        assert_eq!(Unfinished::read(""), None);
        assert_eq!(Unfinished::read("watermark"), None);
    }

    #[test]
    fn a_small_document_that_unpacks_to_too_much_is_refused() {
        let mut packed = Vec::new();
        let zeros = std::io::repeat(0).take(DOCUMENT_BYTES + 2);
        flate2::read::GzEncoder::new(zeros, flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
        assert!(packed.len() < 1 << 20);
        let error = unpack(&packed, Some("GZIP")).unwrap_err();
        assert!(error.message.contains("64 MiB"), "{}", error.message);
    }

    #[test]
    fn what_is_cut_short_or_packed_otherwise_is_refused() {
        let mut packed = Vec::new();
        flate2::read::GzEncoder::new(&b"Order ID\n"[..], flate2::Compression::fast())
            .read_to_end(&mut packed)
            .unwrap();
        assert_eq!(unpack(&packed, Some("GZIP")).unwrap(), "Order ID\n");
        assert_eq!(unpack(&packed[..packed.len() - 9], Some("GZIP")).unwrap_err().kind, ErrorKind::BadReply);
        assert_eq!(unpack(b"Order ID\n", Some("BROTLI")).unwrap_err().kind, ErrorKind::BadReply);
    }

    #[test]
    fn a_document_that_somebody_unpacked_already_is_read_as_it_is() {
        assert_eq!(unpack(b"\xef\xbb\xbfOrder ID\n", Some("GZIP")).unwrap(), "Order ID\n");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_latin_1() {
        assert_eq!(unpack(b"Caf\xe9", None).unwrap(), "Café");
        assert_eq!(unpack("Café".as_bytes(), None).unwrap(), "Café");
    }
}
