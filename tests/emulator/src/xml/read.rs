//! Reads the small XML documents of clients, as leniently as the service: any order, unknown elements, any prefix.

/// An element, without its attributes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Without a prefix.
    pub(crate) name: String,
    /// Everything between the children, as it is: keys may begin with a space.
    pub(crate) text: String,
    /// Whether part of the text was CDATA.
    pub(crate) cdata: bool,
    children: Vec<Element>,
}

impl Element {
    pub(crate) fn children(&self) -> &[Element] {
        &self.children
    }

    /// Whether it has no other children than these, whatever they are.
    pub(crate) fn has_only(&self, names: &[&str]) -> bool {
        self.children.iter().all(|child| names.contains(&child.name.as_str()))
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of a child. An empty one counts as absent.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }
}

/// The root of a document; nothing if it is not well-formed, not UTF-8, or declares a type.
pub(crate) fn parse(bytes: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(is_allowed))?;
    let mut rest = Rest(text.strip_prefix('\u{feff}').unwrap_or(text));
    rest.skip_asides()?;
    let root = rest.element(0)?;
    rest.skip_asides()?;
    rest.0.is_empty().then_some(root)
}

/// What XML 1.0 can hold, by reference or not.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// Everything up to `end`, which is skipped.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let (before, after) = self.0.split_once(end)?;
        self.0 = after;
        Some(before)
    }

    /// White space, comments and declarations outside the root.
    fn skip_asides(&mut self) -> Option<()> {
        loop {
            self.0 = self.0.trim_start();
            if self.take("<?").is_some() {
                self.until("?>")?;
            } else if self.take("<!--").is_some() {
                self.until("-->")?;
            } else {
                return Some(());
            }
        }
    }

    fn element(&mut self, depth: usize) -> Option<Element> {
        const DEEPEST: usize = 32;
        self.take("<")?;
        let end = self.0.find(|c: char| c.is_whitespace() || c == '/' || c == '>')?;
        let (tag, after) = self.0.split_at(end);
        self.0 = after;
        if tag.is_empty() || depth > DEEPEST {
            return None;
        }
        let name = tag.rsplit_once(':').map_or(tag, |(_, name)| name);
        let mut element = Element { name: name.to_owned(), ..Element::default() };
        if self.skip_attributes()? {
            return Some(element);
        }
        loop {
            let at = self.0.find('<')?;
            let (text, after) = self.0.split_at(at);
            self.0 = after;
            unescape(text, &mut element.text)?;
            if self.take("</").is_some() {
                return (self.until(">")?.trim_end() == tag).then_some(element);
            } else if self.take("<!--").is_some() {
                self.until("-->")?;
            } else if self.take("<![CDATA[").is_some() {
                element.text.push_str(self.until("]]>")?);
                element.cdata = true;
            } else if self.take("<?").is_some() {
                self.until("?>")?;
            } else {
                element.children.push(self.element(depth + 1)?);
            }
        }
    }

    /// Skips to the end of an opening tag. True if that closes the element, too.
    fn skip_attributes(&mut self) -> Option<bool> {
        loop {
            let at = self.0.find(['"', '\'', '>'])?;
            let (before, after) = self.0.split_at(at);
            let quote = &after[..1];
            self.0 = &after[1..];
            if quote == ">" {
                return Some(before.ends_with('/'));
            }
            self.until(quote)?;
        }
    }
}

/// Line ends become line feeds, as in any XML parser: a carriage return must come as a reference.
fn unescape(text: &str, out: &mut String) -> Option<()> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = after.split_once(';')?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            name => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?).filter(|&character| is_allowed(character))?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send_is_read() {
        let text = "\u{feff}<?xml version='1.0'?>\n<!-- x --><x:Delete xmlns=\"a>b\">\n<Quiet >true</Quiet><Object a='1'><Key> \
                    a&amp;&#34;&#x4e2d;\r\nb&#13;</Key><VersionId/></Object><Object><Key><![CDATA[<&>]]></Key></Object>\n\
                    </x:Delete>\n";
        let root = parse(text.as_bytes()).unwrap();
        assert_eq!((root.name.as_str(), root.text_of("Quiet")), ("Delete", Some("true")));
        let keys: Vec<_> = root.all("Object").filter_map(|object| object.text_of("Key")).collect();
        assert_eq!(keys, [" a&\"中\nb\r", "<&>"]);
        assert_eq!(root.child("Object").unwrap().text_of("VersionId"), None);
        assert!(root.all("Object").nth(1).unwrap().child("Key").unwrap().cdata);
    }

    #[test]
    fn what_is_not_well_formed_is_nothing() {
        for text in ["<a>\u{1}</a>", "<a>\u{ffff}</a>", "<a>&#1;</a>", "<a>&#xfffe;</a>", "<a b='\u{0}'/>"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        for text in ["", "x", "<a>", "<a></b>", "<a>&nbsp;</a>", "<a>&#xd800;</a>", "<a/><b/>", "<a", "<a b='></a>"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), None);
        assert_eq!(parse(b"<a>\xff</a>"), None);
        assert_eq!(parse(format!("{}{}", "<a>".repeat(1000), "</a>".repeat(1000)).as_bytes()), None);
    }
}
