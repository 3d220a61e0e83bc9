//! XML as the same tree that JSON gives, so that one set of wire types reads both.
//!
//! An element with elements in it is an object, a repeated one a list, any other a text. Attributes and comments say
//! nothing here. Nothing is ever fetched or expanded: a document type or an entity of its own is refused.

use quick_xml::{
    Reader,
    events::{BytesRef, Event},
};
use serde_json::{Map, Value};

/// Elements within elements, at most. The marketplace's go five deep.
const MAX_DEPTH: usize = 32;

/// Reads a document: the name of its root, and what is in it.
///
/// # Errors
/// A sentence fragment that says what is wrong and never quotes the document.
pub(crate) fn read(text: &str) -> Result<(String, Value), &'static str> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|_| "it is not well-formed XML")? {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err("its elements are nested too deep");
                }
                open.push(Element::new(start.local_name().as_ref()));
            }
            Event::Empty(start) => close(&mut open, &mut root, Element::new(start.local_name().as_ref()))?,
            Event::End(_) => {
                let element = open.pop().ok_or("it is not well-formed XML")?;
                close(&mut open, &mut root, element)?;
            }
            Event::Text(text) => add(&mut open, &text.xml10_content())?,
            Event::CData(text) => add(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => add(&mut open, resolved(&reference)?.encode_utf8(&mut [0; 4]))?,
            Event::DocType(_) => return Err("it has a document type, which no answer has"),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        None if open.is_empty() => Err("it is empty"),
        Some(_) | None => Err("it is cut short"),
    }
}

/// An element that is being read.
struct Element {
    name: String,
    children: Map<String, Value>,
    text: String,
}

impl Element {
    fn new(name: &str) -> Self {
        Element { name: name.to_owned(), children: Map::new(), text: String::new() }
    }

    fn value(self) -> Value {
        if self.children.is_empty() { Value::String(self.text) } else { Value::Object(self.children) }
    }
}

fn close(
    open: &mut [Element],
    root: &mut Option<(String, Value)>,
    mut element: Element,
) -> Result<(), &'static str> {
    let name = std::mem::take(&mut element.name);
    let value = element.value();
    let Some(parent) = open.last_mut() else {
        return if root.replace((name, value)).is_none() { Ok(()) } else { Err("it has two roots") };
    };
    match parent.children.get_mut(&name) {
        None => {
            parent.children.insert(name, value);
        }
        Some(Value::Array(many)) => many.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
    Ok(())
}

fn add(open: &mut [Element], text: &str) -> Result<(), &'static str> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() => {}
        None => return Err("it is not XML"),
    }
    Ok(())
}

fn resolved(reference: &BytesRef<'_>) -> Result<char, &'static str> {
    match reference.as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => reference.resolve_char_ref().ok().flatten().ok_or("it has an entity that XML does not know"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_become_objects_lists_and_texts() {
        let text = "<?xml version=\"1.0\"?>\n<orders a=\"1\"><!-- x -->\n <order><no>1</no><l>a</l><l/><l><![CDATA[<c>]]></l></order>\n</orders>\n";
        let read = read(text).unwrap();
        assert_eq!(read, ("orders".into(), json!({"order": {"no": "1", "l": ["a", "", "<c>"]}})));
    }

    #[test]
    fn namespaces_do_not_change_names() {
        let text = r#"<t:orders xmlns:t="urn:x"><t:order>1</t:order></t:orders>"#;
        assert_eq!(read(text).unwrap(), ("orders".into(), json!({"order": "1"})));
    }

    #[test]
    fn references_of_xml_itself_are_resolved_and_no_others() {
        assert_eq!(read("<a>M&amp;S &#8377;&#x31;&lt;&gt;&quot;&apos;</a>").unwrap().1, json!("M&S ₹1<>\"'"));
        assert!(read("<a>&secret;</a>").is_err());
        assert!(read("<!DOCTYPE a [<!ENTITY s SYSTEM \"file:///x\">]><a>&s;</a>").is_err());
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in
            ["", "  ", "{\"order\":[]}", "<a>", "<a><b></a>", "<a></b>", "</a>", "<a/><b/>", "x<a/>", "<a"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let text = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert!(read(&text(MAX_DEPTH)).is_ok());
        assert!(read(&text(MAX_DEPTH + 1)).is_err());
    }
}
