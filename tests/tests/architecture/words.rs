//! Sources as words, texts and marks without comments, and the names in them. What only a macro makes is not seen.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    /// What stands in a string literal.
    Text(String),
    /// `::`
    Colons,
    Mark(char),
}

impl Token {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(own) if own == word)
    }
}

/// Words, texts and marks of a source, without comments.
pub(crate) fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    let get = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let (start, start_line) = (at, line);
        match get(at) {
            '/' if get(at + 1) == '/' => {
                while at < chars.len() && get(at) != '\n' {
                    at += 1;
                }
            }
            '/' if get(at + 1) == '*' => {
                let mut depth = 0_usize;
                loop {
                    match (get(at), get(at + 1)) {
                        ('/', '*') => (depth, at) = (depth + 1, at + 2),
                        ('*', '/') => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 || at >= chars.len() {
                        break;
                    }
                }
            }
            'r' | 'b' | 'c' if prefix_of_text(&chars, at).is_some() => {
                let (hashes, raw, quote) = prefix_of_text(&chars, at).unwrap_or_default();
                at = end_of_text(&chars, quote + 1, raw, hashes);
                let content = &chars[quote + 1..at.saturating_sub(1 + hashes).max(quote + 1)];
                found.push((start_line, Token::Text(content.iter().collect())));
            }
            '"' => {
                at = end_of_text(&chars, at + 1, false, 0);
                let content = &chars[start + 1..at.saturating_sub(1).max(start + 1)];
                found.push((start_line, Token::Text(content.iter().collect())));
            }
            // A character, or else a lifetime.
            '\'' if get(at + 1) == '\\' => {
                at += 3;
                while at < chars.len() && get(at) != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' if get(at + 2) == '\'' => at += 3,
            ':' if get(at + 1) == ':' => {
                found.push((start_line, Token::Colons));
                at += 2;
            }
            first if first.is_alphanumeric() || first == '_' => {
                while get(at).is_alphanumeric() || get(at) == '_' {
                    at += 1;
                }
                found.push((start_line, Token::Word(chars[start..at].iter().collect())));
            }
            mark => {
                if !mark.is_whitespace() {
                    found.push((start_line, Token::Mark(mark)));
                }
                at += 1;
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// Of `r"`, `r#"`, `b"`, `br#"`, …: how many hashes, whether escapes mean nothing, and where the quote is.
fn prefix_of_text(chars: &[char], at: usize) -> Option<(usize, bool, usize)> {
    let letters = chars[at..].iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let hashes = chars[at + letters..].iter().take_while(|c| **c == '#').count();
    let raw = chars[at..at + letters].contains(&'r');
    let quote = at + letters + hashes;
    (letters <= 2 && chars.get(quote) == Some(&'"') && (raw || hashes == 0)).then_some((hashes, raw, quote))
}

/// Behind the end of a text whose content begins at `at`.
fn end_of_text(chars: &[char], mut at: usize, raw: bool, hashes: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' if !raw => at += 1,
            '"' if chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes => {
                return at + 1 + hashes;
            }
            _ => {}
        }
        at += 1;
    }
    chars.len()
}

/// Every name of more than one part and every import, with `self` and `super` resolved from the module that they are in;
/// and what begins with an import once more, spelled out: `thread::sleep` after `use std::thread`.
pub(crate) fn paths(module: &[String], tokens: &[(usize, Token)]) -> Vec<(usize, Vec<String>)> {
    let (mut found, mut imports, mut at, mut depth) = (Vec::new(), Vec::new(), 0, 0_usize);
    // Modules that are written inside this file, with the depth of their braces.
    let mut inner: Vec<(usize, String)> = Vec::new();
    while let Some((line, token)) = tokens.get(at) {
        let here =
            || module.iter().cloned().chain(inner.iter().map(|(_, name)| name.clone())).collect::<Vec<_>>();
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                inner.retain(|(at, _)| *at < depth + 1);
            }
            Token::Word(word) if word == "mod" => {
                let after = (tokens.get(at + 1), tokens.get(at + 2));
                if let (Some((_, Token::Word(name))), Some((_, Token::Mark('{')))) = after {
                    inner.push((depth + 1, name.clone()));
                }
            }
            Token::Word(word) if word == "use" => {
                let mut tree = Vec::new();
                at = import(tokens, at + 1, &mut Vec::new(), &mut tree);
                imports.extend(tree.into_iter().map(|(line, name)| (line, resolved(&here(), name))));
                continue;
            }
            Token::Word(_) => {
                let mut name = Vec::new();
                while let Some((_, Token::Word(part))) = tokens.get(at) {
                    name.push(part.clone());
                    let more = matches!(tokens.get(at + 1), Some((_, Token::Colons)))
                        && matches!(tokens.get(at + 2), Some((_, Token::Word(_))));
                    if !more {
                        break;
                    }
                    at += 2;
                }
                if name.len() > 1 {
                    found.push((*line, resolved(&here(), name)));
                }
            }
            _ => {}
        }
        at += 1;
    }
    let spelled_out = found.iter().flat_map(|(line, name)| {
        let brought = imports.iter().filter(|(_, import)| import.last() == name.first());
        brought.map(|(_, import)| (*line, import.iter().chain(&name[1..]).cloned().collect()))
    });
    let spelled_out: Vec<(usize, Vec<String>)> = spelled_out.collect();
    found.into_iter().chain(imports).chain(spelled_out).collect()
}

/// Reads one import tree from `at`; returns where it ends.
fn import(
    tokens: &[(usize, Token)],
    mut at: usize,
    before: &mut Vec<String>,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let length = before.len();
    while let Some((line, token)) = tokens.get(at) {
        match token {
            Token::Word(word) if word == "as" => at += 1,
            Token::Word(word) => {
                before.push(word.clone());
                if !matches!(tokens.get(at + 1), Some((_, Token::Colons))) {
                    let name = before.iter().filter(|part| *part != "self" || before.len() == 1);
                    found.push((*line, name.cloned().collect()));
                }
            }
            Token::Mark('*') => found.push((*line, before.iter().cloned().chain(["*".to_owned()]).collect())),
            Token::Mark('{') => {
                at += 1;
                loop {
                    at = import(tokens, at, before, found);
                    match tokens.get(at) {
                        Some((_, Token::Mark(','))) => at += 1,
                        _ => break,
                    }
                }
            }
            Token::Mark(',' | '}' | ';') => break,
            _ => {}
        }
        at += 1;
    }
    before.truncate(length);
    at
}

fn resolved(here: &[String], name: Vec<String>) -> Vec<String> {
    let ups = name.iter().take_while(|part| *part == "super").count();
    match name.first().map(String::as_str) {
        Some("self") => here.iter().cloned().chain(name.into_iter().skip(1)).collect(),
        Some("super") => {
            let kept = here.len().saturating_sub(ups).max(1);
            here[..kept].iter().cloned().chain(name.into_iter().skip(ups)).collect()
        }
        _ => name,
    }
}

#[test]
fn comments_texts_and_characters_are_told_apart() {
    let text = "a /* b /* c */ d */ e // f\n\"g\\\"h\" r#\"i\"j\"# b'k' 'l' '\\'' '\\n' &'m n::o";
    let words: Vec<String> = tokens(text)
        .into_iter()
        .map(|(line, token)| match token {
            Token::Word(word) => format!("{line}{word}"),
            Token::Text(text) => format!("{line}<{text}>"),
            Token::Colons => "::".to_owned(),
            Token::Mark(mark) => mark.to_string(),
        })
        .collect();
    assert_eq!(words.join(" "), "1a 1e 2<g\\\"h> 2<i\"j> 2b & ' 2m 2n :: 2o");
}
