//! Reads observation files: one JSON object a line.

use serde_json::{Map, Value};

use super::{Fault, json_fault, read_document};
use crate::{domain::observed::Observed, nearest::with_suggestion};

/// One line of an observation file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservationLine {
    /// The observation.
    pub observed: Observed,
    /// Lines with the same number form one answer.
    pub answer: Option<i64>,
    /// The line in the file, from 1.
    pub number: usize,
}

/// Reads an observation file. Empty lines are passed over.
///
/// # Errors
/// Every line that cannot be read.
pub fn read_observations(text: &str) -> Result<Vec<ObservationLine>, Vec<Fault>> {
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() {
            continue;
        }
        match read_line(line) {
            Ok((observed, answer)) => lines.push(ObservationLine { observed, answer, number }),
            Err(fault) => faults.push(Fault { line: number, ..fault }),
        }
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

fn read_line(line: &str) -> Result<(Observed, Option<i64>), Fault> {
    let (observed, answer) =
        if line.contains("\"answer\"") { read_answer(line)? } else { (read_document(line)?, None) };
    if observed.order.is_empty() && observed.item.is_none() {
        return Err(fault("order", "is empty; an observation names its order, or else its item"));
    }
    Ok((observed, answer))
}

fn read_answer(line: &str) -> Result<(Observed, Option<i64>), Fault> {
    let mut members: Map<String, Value> = read_document(line)?;
    let answer = match members.remove("answer") {
        None | Some(Value::Null) => None,
        Some(number) => {
            Some(number.as_i64().ok_or_else(|| fault("answer", format!("`{number}` is no whole number")))?)
        }
    };
    match serde_path_to_error::deserialize(Value::Object(members)) {
        Ok(observed) => Ok((observed, answer)),
        Err(error) => {
            let path = error.path().to_string();
            let fault = json_fault(path, error.inner());
            Err(Fault { column: None, problem: with_suggestion(&error.inner().to_string()), ..fault })
        }
    }
}

fn fault(path: &str, problem: impl Into<String>) -> Fault {
    Fault { line: 1, column: None, path: path.into(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use plugin_api::Status;

    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_answers() {
        let text = "{\"order\":\"OD1\",\"item\":111,\"status\":\"DISPATCHED\",\"answer\":7}\n\n{\"order\":\"OD2\"}\n";
        let lines = read_observations(text).unwrap();
        let seen: Vec<_> =
            lines.iter().map(|line| (line.number, line.answer, line.observed.status)).collect();
        assert_eq!(seen, [(1, Some(7), Some(Status::Dispatched)), (3, None, None)]);
        assert_eq!(lines[0].observed.item.as_deref(), Some("111"));
    }

    #[test]
    fn a_line_may_name_its_item_only() {
        let lines = read_observations("{\"order\":\"\",\"item\":111}\n").unwrap();
        assert_eq!((lines[0].observed.order.as_str(), lines[0].observed.item.as_deref()), ("", Some("111")));
        let faults = read_observations("{\"order\":\"\",\"item\":\"\",\"sku\":\"A\"}\n").unwrap_err();
        assert!(faults[0].to_string().starts_with("1: order: is empty"), "{}", faults[0]);
    }

    #[test]
    fn every_bad_line_is_named() {
        let text = "{\"order\":\"OD1\",\"stats\":\"X\"}\n{\"order\":\"\"}\nnonsense\n{\"order\":\"OD1\",\"answer\":\"a\"}\n\
                    {\"order\":\"OD1\",\"answer\":1,\"at\":\"today\"}\n";
        let faults: Vec<_> = read_observations(text).unwrap_err().iter().map(Fault::to_string).collect();
        let starts = [
            "1:22: stats: unknown field `stats`",
            "2: order: is empty",
            "3:2: the document: expected ident",
            "4: answer: `\"a\"` is no whole number",
            "5: at: `today` is no RFC 3339 time",
        ];
        assert_eq!(faults.len(), starts.len());
        for (fault, start) in faults.iter().zip(starts) {
            assert!(fault.starts_with(start), "{fault}");
        }
        assert!(faults[0].ends_with("did you mean `status`?"), "{}", faults[0]);
    }
}
