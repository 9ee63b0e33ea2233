//! XML in and out, with limits: an answer is a stranger's text.

mod element;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::element::{Element, Unknown, status};
use crate::error::{Canonical, Error, ErrorKind, Result, ServiceError};

/// The longest document that is read.
#[cfg(feature = "client")]
pub(crate) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The longest error document that is read.
pub(crate) const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A request signs some dozens of parameters and headers.
const MAX_SIGNED: usize = 256;

/// No document of COS nests deeper than seven.
const MAX_DEPTH: usize = 16;

/// A page of a listing has 1 000 entries of some ten elements each.
const MAX_ELEMENTS: usize = 64 * 1024;

/// A lifecycle configuration may have 1 000 rules, and a rule that says all it can some hundred elements.
const MAX_ELEMENTS_WHOLE: usize = 128 * 1024;

/// Reads a document whose root is `root`. An `<Error>` comes back as the error it is, whatever the status was.
pub(crate) fn read<T: DeserializeOwned>(root: &str, status: u16, request_id: &str, xml: &[u8]) -> Result<T> {
    read_as(root, status, request_id, xml, MAX_ELEMENTS, |text| {
        quick_xml::de::from_str(text).map_err(|error| error.to_string())
    })
}

/// The same, for documents that are written back: nothing in it is passed over.
pub(crate) fn read_whole(root: &str, status: u16, request_id: &str, xml: &[u8]) -> Result<Element> {
    read_as(root, status, request_id, xml, MAX_ELEMENTS_WHOLE, Element::parse)
}

fn read_as<T>(
    root: &str,
    status: u16,
    request_id: &str,
    xml: &[u8],
    most: usize,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T> {
    let unreadable = |why: String| {
        let service = ServiceError { status, request_id: request_id.to_owned(), ..ServiceError::default() };
        // What is wrong may be told in the stranger's words.
        let why = discreet(printable(&why));
        Error::new(ErrorKind::Response, format!("an unreadable answer ({why}; it begins {:?})", beginning(xml)))
            .with_service(service)
    };
    let text = check(xml, most).map_err(|why| unreadable(why.to_owned()))?;
    match text.root.as_str() {
        found if found == root => parse(text.xml).map_err(unreadable),
        "Error" => {
            let answer = ServiceError { status, request_id: request_id.to_owned(), ..read_error(xml) };
            Err(Error::service_error(answer))
        }
        found => Err(unreadable(format!("its root is <{}> where <{root}> was expected", printable(found)))),
    }
}

/// As [`read`], for calls where COS says 200 before the work is done: a document that ends early, or is none, leaves
/// everything open.
pub(crate) fn read_late<T: DeserializeOwned>(root: &str, status: u16, request_id: &str, xml: &[u8]) -> Result<T> {
    read(root, status, request_id, xml)
        .map_err(|error| if error.kind() == ErrorKind::Response { error.into_ambiguous() } else { error })
}

/// What an error document says. It is read element by element: one that is odd in one place, or cut off, says the rest.
pub(crate) fn read_error(xml: &[u8]) -> ServiceError {
    let text = String::from_utf8_lossy(&xml[..xml.len().min(MAX_ERROR_BYTES)]);
    let mut document = ErrorDocument::default();
    let whole = document.read(text.trim_start_matches('\u{feff}').trim());
    let few = document.format_string.split('&').count() <= MAX_SIGNED;
    let says = whole && few && !document.format_string.is_empty() && !document.string_to_sign.is_empty();
    let signed = says.then(|| Canonical::new(&document.format_string, &document.string_to_sign));
    ServiceError {
        code: short(document.code),
        message: short(document.message),
        resource: short(document.resource),
        request_id: short(document.request_id),
        trace_id: short(document.trace_id),
        signed: signed.map(Box::new),
        ..ServiceError::default()
    }
}

/// What a stranger says of an error, cut to size.
pub(crate) fn short(text: impl AsRef<str>) -> String {
    discreet(text.as_ref().chars().take(1024).collect())
}

#[derive(Default)]
struct ErrorDocument {
    code: String,
    message: String,
    resource: String,
    request_id: String,
    trace_id: String,
    string_to_sign: String,
    format_string: String,
}

impl ErrorDocument {
    fn element(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "Code" => Some(&mut self.code),
            "Message" => Some(&mut self.message),
            "Resource" => Some(&mut self.resource),
            "RequestId" => Some(&mut self.request_id),
            "TraceId" => Some(&mut self.trace_id),
            "StringToSign" => Some(&mut self.string_to_sign),
            "FormatString" => Some(&mut self.format_string),
            _ => None,
        }
    }

    /// Reads as far as it can be read; whether that is all. Of an element that comes twice the first counts. Half a
    /// code is none: only of the message a part is better than nothing.
    fn read(&mut self, xml: &str) -> bool {
        let mut open = None;
        let whole = self.read_elements(xml, &mut open);
        if let Some(name) = open.filter(|name| name != "Message") {
            self.element(&name).into_iter().for_each(String::clear);
        }
        whole
    }

    /// `open` is the element that is being read.
    fn read_elements(&mut self, xml: &str, open: &mut Option<String>) -> bool {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().allow_dangling_amp = true;
        let mut depth = 0_usize;
        while let Ok(event) = reader.read_event() {
            let piece = match event {
                Event::Start(start) => {
                    depth += 1;
                    let name = start.local_name().as_ref().to_owned();
                    match depth {
                        1 if name != "Error" => return false,
                        2 => *open = self.element(&name).is_some_and(|text| text.is_empty()).then_some(name),
                        _ => {}
                    }
                    continue;
                }
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    if depth <= 1 {
                        *open = None;
                    }
                    if depth == 0 {
                        return true;
                    }
                    continue;
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(name) => match (name.resolve_char_ref(), resolve_predefined_entity(name.as_ref())) {
                    (Ok(Some(c)), _) => c.to_string(),
                    (_, Some(text)) => text.to_owned(),
                    _ => char::REPLACEMENT_CHARACTER.to_string(),
                },
                Event::Eof | Event::DocType(_) => return false,
                _ => continue,
            };
            if let Some(text) = open.as_deref().and_then(|name| self.element(name)) {
                text.push_str(&piece);
            }
        }
        false
    }
}

/// Writes a document.
pub(crate) fn write<T: Serialize>(root: &str, value: &T) -> Result<String> {
    quick_xml::se::to_string_with_root(root, value)
        .map_err(|error| Error::input("body", format!("cannot be written as XML: {error}")))
}

/// Whether XML 1.0 can carry the text and gives it back unchanged: no control character of ASCII but tab and line feed.
/// A carriage return comes back as a line feed.
pub(crate) fn can_carry(text: &str) -> bool {
    !text.chars().any(|c| (c < ' ' && c != '\t' && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

struct Checked<'a> {
    xml: &'a str,
    /// Without its prefix.
    root: String,
}

/// Walks the document once for its root and its limits, before anything is built from it.
fn check(xml: &[u8], most: usize) -> Result<Checked<'_>, &'static str> {
    let xml = std::str::from_utf8(xml).map_err(|_| "it is not UTF-8")?.trim_start_matches('\u{feff}').trim();
    let mut reader = Reader::from_str(xml);
    let (mut depth, mut elements, mut root) = (0_usize, 0_usize, None);
    loop {
        let event = reader.read_event().map_err(|_| "it is not well-formed XML")?;
        let start = match &event {
            Event::Start(start) => {
                depth += 1;
                Some(start)
            }
            Event::Empty(start) => Some(start),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                None
            }
            Event::DocType(_) => return Err("it has a DOCTYPE"),
            Event::Eof => break,
            _ => None,
        };
        if let Some(start) = start {
            // Each takes as much memory as an element.
            let attributes = start.attributes_raw().bytes().filter(|byte| *byte == b'=').count();
            elements += 1 + attributes;
            // An empty element does not go deeper.
            let is_root = depth == usize::from(matches!(event, Event::Start(_)));
            if is_root && root.replace(start.local_name().as_ref().to_owned()).is_some() {
                return Err("it has two roots");
            }
        }
        if depth > MAX_DEPTH {
            return Err("it nests too deep");
        }
        if elements > most {
            return Err("it has too many elements and attributes");
        }
    }
    if depth != 0 {
        return Err("it ends early");
    }
    Ok(Checked { xml, root: root.ok_or("it has no root element")? })
}

/// The beginning of a stranger's text, short and printable.
pub(crate) fn beginning(text: &[u8]) -> String {
    discreet(printable(&String::from_utf8_lossy(&text[..text.len().min(512)])))
}

/// A stranger's text, unless it repeats what it was sent, as debugging proxies do: a signature, a token, a key. The
/// documents of some settings have keys, too.
fn discreet(text: String) -> String {
    let lower = text.to_ascii_lowercase();
    let secrets =
        ["authorization", "q-sign", "security-token", "customer-key", "private key-----", "<privatekey", "<secretkey"];
    let repeats = secrets.iter().any(|word| lower.contains(word));
    if repeats { "(it repeats the request)".to_owned() } else { text }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(256).collect()
}

/// A number of a document.
pub(crate) fn number<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T> {
    text.trim()
        .parse()
        .map_err(|_| Error::new(ErrorKind::Response, format!("the answer has a {what} that is no number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Location {
        #[serde(default)]
        name: String,
    }

    fn parse(xml: &[u8]) -> Result<Location> {
        read("Location", 200, "NjQ", xml)
    }

    #[test]
    fn the_root_is_checked() {
        assert_eq!(parse(b"  <?xml version='1.0'?><Location xmlns=\"x\"><Name>a</Name></Location>").unwrap().name, "a");
        assert_eq!(parse(b"<Location/>").unwrap().name, "");
        let error = parse(b"<Other/>").unwrap_err();
        assert_eq!((error.kind(), error.request_id()), (ErrorKind::Response, Some("NjQ")));
        let error =
            parse(b"<?xml version='1.0'?>\n<Error><Code>SlowDown</Code><Message>m</Message></Error>").unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("SlowDown")));
        assert!(error.is_retryable());
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let many = format!("<Location>{}</Location>", "<a/>".repeat(70_000));
        let attributes = (0..70_000).map(|number| format!(" a{number}=''")).collect::<Vec<_>>().concat();
        let wide = format!("<Location{attributes}/>");
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "b">]><Location><Name>&a;</Name></Location>"#;
        for (xml, why) in [
            (deep.as_bytes(), "deep"),
            (many.as_bytes(), "too many"),
            (wide.as_bytes(), "too many"),
            (bomb.as_bytes(), "DOCTYPE"),
            (b"<Location><Name>", "ends early"),
            (b"", "no root"),
            (b"\xff\xfe", "UTF-8"),
            (b"<html><body>", "ends early"),
            (b"<Location></Other>", "well-formed"),
        ] {
            let error = parse(xml).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response);
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.to_string().len() < 1024);
        }
        let whole = |xml: &str| read_whole("Location", 200, "NjQ", xml.as_bytes());
        assert!(whole(&many).is_ok() && whole(&many.replace("<a/>", "<a/><a/>")).is_err() && whole(bomb).is_err());
        let wider = wide.replacen('/', &format!("><a{attributes}/></Location"), 1);
        assert!(whole(&wide).is_ok() && whole(&wider).is_err());
    }

    #[test]
    fn a_second_root_is_no_success() {
        for xml in ["<Location/><Error><Code>InternalError</Code></Error>", "<Location></Location><Location/>"] {
            let error = parse(xml.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response);
            assert!(error.to_string().contains("two roots"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_short_and_without_secrets() {
        for name in ["x".repeat(1_000_000), "q-signature-0123".to_owned(), "a\u{1b}[31m\u{7f}".to_owned()] {
            for xml in [
                format!("<Location><Name>&{name};</Name></Location>"),
                format!("<Location><Name>a<{name}/></Name></Location>"),
            ] {
                let told = parse(xml.as_bytes()).unwrap_err().to_string();
                assert!(told.len() < 1024, "{} bytes", told.len());
                assert!(!told.contains("0123") && !told.contains(char::is_control), "{told:?}");
            }
        }
    }

    #[test]
    fn an_error_document_says_what_can_be_read_of_it() {
        let long = format!("<Error><Code>NoSuchKey</Code><Message>{}</Message></Error>", "m".repeat(70_000));
        for rest in [
            "<Message>a</Message><Message>b</Message></Error>",
            "<Message>a <b>x</b></Message></Error>",
            "<Resource>/a&#0;b</Resource></Error>",
            "<Message>a & b &nbsp;</Message></Error>",
            "<Code>Other</Code></Error>",
            "<Message>cut of",
            "<Message></Wrong></Error>",
        ] {
            let xml = format!(" <?xml version='1.0'?>\n<Error>\n <Code>NoSuchKey</Code>{rest}");
            assert_eq!(read_error(xml.as_bytes()).code, "NoSuchKey", "{rest}");
        }
        assert_eq!(read_error(long.as_bytes()).code, "NoSuchKey");
        let not_utf8 = b"<e:Error><e:Code>NoSuchKey</e:Code><e:Message>\xb2\xbb</e:Message></e:Error>";
        assert_eq!(read_error(not_utf8).code, "NoSuchKey");
        let plain =
            "<Error><Code><![CDATA[A]]></Code><Message>a &lt;b&gt; &amp;&#x21;</Message><TraceId>t</TraceId></Error>";
        let said = read_error(plain.as_bytes());
        assert_eq!((said.code.as_str(), said.message.as_str(), said.trace_id.as_str()), ("A", "a <b> &!", "t"));
        let signed =
            "<Error><FormatString>get\n/k\n\n\n</FormatString><StringToSign>sha1\n1;2\nd\n</StringToSign></Error>";
        assert!(read_error(signed.as_bytes()).signed.is_some());
        // Masked, each would be ten times as long.
        let signs = |pairs: usize| {
            let xml = signed.replace("/k\n", &format!("/k\n<![CDATA[{}]]>", "a=b&".repeat(pairs)));
            read_error(xml.as_bytes()).signed.is_some()
        };
        assert!(signs(200) && !signs(15_000));
        // Half of what COS signed would differ from what we did.
        assert!(read_error(&signed.as_bytes()[..signed.len() - 4]).signed.is_none());
        let cut = read_error(b"<Error><RequestId>NjQ</RequestId><Message>half</Message><Code>NoSuchK");
        assert_eq!((cut.code.as_str(), cut.message.as_str()), ("", "half"));
        for none in [
            "",
            "<Error><Code>A",
            "<Error><Code>A</Co",
            "<Other><Code>A</Code></Other>",
            "<!DOCTYPE x []><Error><Code>A</Code></Error>",
            "<Error/>",
        ] {
            assert_eq!(read_error(none.as_bytes()), ServiceError::default(), "{none}");
        }
    }

    #[test]
    fn an_error_document_is_cut_to_size() {
        let xml = format!("<Error><Code>A</Code><Message>{}</Message></Error>", "m".repeat(60_000));
        assert_eq!(read_error(xml.as_bytes()).message.len(), 1024);
        assert_eq!(read_error(b"<html>"), ServiceError::default());
    }
}
