//! On which line of a JSON text an entry begins.
//!
//! Runs only when there is something to say about an entry, over text that has been read as JSON before.

use std::collections::{HashMap, HashSet};

/// The lines, from 1, on which values begin, by path: `orders[3].items[0]`. Paths that do not exist are left out.
pub(super) fn of<'a>(text: &str, paths: impl Iterator<Item = &'a str>) -> HashMap<String, usize> {
    let wanted: HashSet<&str> = paths.collect();
    if wanted.is_empty() {
        return HashMap::new();
    }
    let mut skim = Skim { rest: text.as_bytes(), line: 1, path: String::new(), wanted, found: HashMap::new() };
    skim.value();
    skim.found
}

struct Skim<'a> {
    rest: &'a [u8],
    line: usize,
    path: String,
    wanted: HashSet<&'a str>,
    found: HashMap<String, usize>,
}

impl<'a> Skim<'a> {
    /// Takes a byte.
    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.line += usize::from(byte == b'\n');
        Some(byte)
    }

    /// The next byte that is no blank, left where it is.
    fn peek(&mut self) -> Option<u8> {
        while self.rest.first().is_some_and(u8::is_ascii_whitespace) {
            self.next();
        }
        self.rest.first().copied()
    }

    fn value(&mut self) {
        let first = self.peek();
        if self.wanted.contains(self.path.as_str()) {
            self.found.entry(self.path.clone()).or_insert(self.line);
        }
        match first {
            Some(b'{') => self.members(),
            Some(b'[') => self.elements(),
            Some(b'"') => {
                self.string();
            }
            // A number or a word.
            _ => {
                while self.rest.first().is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                    self.next();
                }
            }
        }
    }

    fn members(&mut self) {
        self.next();
        let length = self.path.len();
        while self.peek() == Some(b'"') {
            let key = self.string();
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(&String::from_utf8_lossy(key));
            // The colon.
            self.peek();
            self.next();
            self.value();
            self.path.truncate(length);
            if self.peek() == Some(b',') {
                self.next();
            }
        }
        self.next();
    }

    fn elements(&mut self) {
        self.next();
        let length = self.path.len();
        let mut index = 0_usize;
        while self.peek().is_some_and(|byte| byte != b']') {
            self.path.push_str(&format!("[{index}]"));
            self.value();
            self.path.truncate(length);
            index += 1;
            if self.peek() == Some(b',') {
                self.next();
            }
        }
        self.next();
    }

    /// Takes a string and returns what is between its quotes.
    fn string(&mut self) -> &'a [u8] {
        self.next();
        let start = self.rest;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => break,
                b'\\' => {
                    self.next();
                }
                _ => {}
            }
        }
        &start[..(start.len() - self.rest.len()).saturating_sub(1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_whatever_stands_between_them() {
        let text = "{\"a\": [1,\n {\"x\": \"]},\\\"\\n\"},\n\n [\n{\"b\": [ ]}, -1.5e3\n] ],\n \"c\": {\"d\": null}}";
        let found = of(text, ["a[0]", "a[1]", "a[2]", "a[2][0]", "a[2][1]", "c.d", "a[9]"].into_iter());
        let line = |path: &str| found.get(path).copied();
        assert_eq!(
            ["a[0]", "a[1]", "a[2]", "a[2][0]", "a[2][1]", "c.d", "a[9]"].map(line),
            [Some(1), Some(2), Some(4), Some(5), Some(5), Some(7), None]
        );
    }

    #[test]
    fn a_text_that_breaks_off_ends_the_search() {
        for text in ["", "{", "{\"a", "{\"a\":[", "{\"a\":[1,", "[\"\\"] {
            of(text, ["a[5]"].into_iter());
        }
    }
}
