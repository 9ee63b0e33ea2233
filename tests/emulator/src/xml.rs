//! Writes the small XML documents of COS.

mod read;

use std::borrow::Cow;

pub(crate) use read::{Element, parse};

pub(crate) const DECLARATION: &str = "<?xml version='1.0' encoding='utf-8' ?>\n";

/// A document under construction: elements in the order they are written, indented by tabs as COS prints them.
#[derive(Debug)]
pub(crate) struct Document {
    text: String,
    open: Vec<Cow<'static, str>>,
}

impl Document {
    pub(crate) fn new(root: &'static str) -> Self {
        let mut document = Self { text: String::from(DECLARATION), open: Vec::new() };
        document.open(root);
        document
    }

    pub(crate) fn in_namespace(root: &'static str, namespace: &str) -> Self {
        let mut document = Self { text: String::from(DECLARATION), open: vec![root.into()] };
        document.push_all(&["<", root, " xmlns=\"", namespace, "\">\n"]);
        document
    }

    /// A document that is one element with text, or an empty one.
    pub(crate) fn leaf(root: &str, text: &str) -> String {
        let mut document = Self { text: String::from(DECLARATION), open: Vec::new() };
        document.text(root, text);
        document.text
    }

    /// A document that came in, as it is kept: without attributes, comments and blanks between elements.
    pub(crate) fn of(root: &Element) -> String {
        let mut document = Self { text: String::from(DECLARATION), open: Vec::new() };
        document.copy(root);
        document.text
    }

    pub(crate) fn copy(&mut self, element: &Element) {
        if element.children().is_empty() {
            return self.text(&element.name, &element.text);
        }
        self.open(element.name.clone());
        element.children().iter().for_each(|child| self.copy(child));
        self.close();
    }

    pub(crate) fn open(&mut self, name: impl Into<Cow<'static, str>>) {
        let name = name.into();
        self.indent();
        self.push_all(&["<", &name, ">\n"]);
        self.open.push(name);
    }

    /// An element whose attributes are given as they are written.
    pub(crate) fn open_with(&mut self, name: &'static str, attributes: &str) {
        self.indent();
        self.push_all(&["<", name, " ", attributes, ">\n"]);
        self.open.push(name.into());
    }

    pub(crate) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.push_all(&["</", &name, ">\n"]);
        }
    }

    /// An element with text; `<Name/>` if the text is empty.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.indent();
        if text.is_empty() {
            self.push_all(&["<", name, "/>\n"]);
        } else {
            self.push_all(&["<", name, ">"]);
            self.escape(text);
            self.push_all(&["</", name, ">\n"]);
        }
    }

    pub(crate) fn number(&mut self, name: &str, number: u64) {
        self.text(name, &number.to_string());
    }

    pub(crate) fn flag(&mut self, name: &str, flag: bool) {
        self.text(name, if flag { "true" } else { "false" });
    }

    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn indent(&mut self) {
        for _ in 0..self.open.len() {
            self.text.push('\t');
        }
    }

    fn push_all(&mut self, parts: &[&str]) {
        for part in parts {
            self.text.push_str(part);
        }
    }

    /// Control characters go out as they are, although XML 1.0 forbids them: so does the service, which is why
    /// `encoding-type=url` exists. A carriage return is written as a reference, or parsers would turn it into a newline.
    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\r' => self.text.push_str("&#13;"),
                other => self.text.push(other),
            }
        }
    }
}
