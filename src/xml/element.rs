use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// An element as it stands in a document, for those that must be written back with what is not known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Without its prefix.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    /// Of an element without children: everything in it, as it is.
    text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// One more child that has text.
    pub(crate) fn leaf(self, name: &str, text: impl Into<String>) -> Self {
        self.child(Self { text: text.into(), ..Self::new(name) })
    }

    /// The same, if there is something to say.
    pub(crate) fn leaf_opt(self, name: &str, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.leaf(name, text),
            None => self,
        }
    }

    pub(crate) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// The text, if that is all there is.
    pub(crate) fn text(&self) -> Option<&str> {
        (self.children.is_empty() && self.attributes.is_empty()).then_some(self.text.as_str())
    }

    /// The text as a number.
    pub(crate) fn number<T: std::str::FromStr>(&self) -> Option<T> {
        self.text()?.trim().parse().ok()
    }

    /// The text as `true` or `false`.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self.text()?.trim() {
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// Adds what was read and not known, unless that has one of the names that may be there but once, a second time.
    pub(crate) fn with_unknown(mut self, unknown: &[Self], once: &[&str]) -> Option<Self> {
        let there = |name: &String| self.children.iter().any(|child| child.name == *name);
        if unknown.iter().any(|element| once.contains(&element.name.as_str()) && there(&element.name)) {
            return None;
        }
        self.children.extend_from_slice(unknown);
        Some(self)
    }

    /// The texts of these children, in this order, if there are no others and each is there once at most.
    pub(crate) fn texts<const N: usize>(&self, names: [&str; N]) -> Option<[Option<&str>; N]> {
        let mut texts = [None; N];
        for child in &self.children {
            let place = names.iter().position(|name| *name == child.name)?;
            if texts[place].replace(child.text()?).is_some() {
                return None;
            }
        }
        Some(texts)
    }

    /// Whether all text in it is such.
    pub(crate) fn all_text(&self, is_such: &impl Fn(&str) -> bool) -> bool {
        let attributes = self.attributes.iter().all(|(_, value)| is_such(value));
        attributes && is_such(&self.text) && self.children.iter().all(|child| child.all_text(is_such))
    }

    /// The root of a document that is well-formed. Of the root's own attributes, as `xmlns`, none is kept.
    pub(super) fn parse(xml: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(xml);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let text = match event {
                Event::Start(start) => {
                    open.push(Self::begin(&start)?);
                    continue;
                }
                Event::Empty(start) => {
                    let whole = Self::begin(&start)?;
                    open.last_mut().ok_or("it has no root")?.children.push(whole);
                    continue;
                }
                Event::End(_) => {
                    let mut whole = open.pop().ok_or("it has no root")?;
                    if !whole.children.is_empty() {
                        whole.text.clear(); // the blanks between them
                    }
                    open.last_mut().ok_or("it has no root")?.children.push(whole);
                    continue;
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(name) => match (name.resolve_char_ref(), resolve_predefined_entity(name.as_ref())) {
                    (Ok(Some(c)), _) => c.to_string(),
                    (_, Some(text)) => text.to_owned(),
                    _ => return Err("it has an entity that nothing explains".to_owned()),
                },
                Event::Eof => break,
                _ => continue,
            };
            open.last_mut().ok_or("it has no root")?.text.push_str(&text);
        }
        let mut root = open.pop().and_then(|mut outside| outside.children.pop()).ok_or("it has no root")?;
        root.attributes.clear();
        Ok(root)
    }

    fn begin(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut element = Self::new(start.local_name().as_ref());
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }
}

/// Without its name, which stands outside.
impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.text() {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.attributes {
            map.serialize_entry(&format!("@{name}"), value)?;
        }
        if self.children.is_empty() {
            map.serialize_entry("$text", &self.text)?;
        }
        for child in &self.children {
            map.serialize_entry(&child.name, child)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_back() {
        let xml = "<Root><ID> a &amp; &lt;b&gt;\"</ID><New kind=\"x &amp; y\" other=\"\"><Deep><A/><A>2</A></Deep></New>\
                   <Old at=\"1\">text</Old><Prefix/></Root>";
        let printed =
            xml.replace("<New", "\n\t<New").replace("<Deep>", "\n\t\t<Deep>").replace("\"</ID>", "&#34;</ID>");
        for text in [xml, &printed, &printed.replace("<Root", "<x:Root xmlns:x='y'").replace("</Root", "</x:Root")] {
            let root = Element::parse(text).unwrap();
            assert_eq!(quick_xml::se::to_string_with_root("Root", &root).unwrap(), xml);
        }
        assert!(Element::parse("<Root>&nbsp;</Root>").is_err());
    }

    #[test]
    fn texts_are_of_children_that_are_all_known() {
        let root = |xml| Element::parse(xml).unwrap();
        let texts = |xml| root(xml).texts(["A", "B"]).map(|texts| texts.map(|text| text.map(str::to_owned)));
        assert_eq!(texts("<R><B>b</B></R>"), Some([None, Some("b".to_owned())]));
        for strange in ["<R><C/></R>", "<R><A/><A/></R>", "<R><A><B/></A></R>", "<R><A x=\"\"/></R>"] {
            assert_eq!(texts(strange), None, "{strange}");
        }
        assert_eq!(root("<R> 7 </R>").number::<u32>(), Some(7));
    }
}
