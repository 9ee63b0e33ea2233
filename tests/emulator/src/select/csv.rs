//! CSV, in and out.

use crate::error::CosError;
use crate::xml::Element;

/// What a record of the input or of the results may have, in bytes.
pub(super) const LONGEST_RECORD: usize = 1024 * 1024;

/// How CSV is written.
#[derive(Clone, Debug)]
pub(super) struct Style {
    pub(super) record: String,
    field: char,
    quote: char,
    escape: char,
    always: bool,
    comments: Option<char>,
    quoted_records: bool,
    pub(super) header: Header,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    None,
    Use,
    Ignore,
}

fn invalid(what: &str) -> CosError {
    CosError::new(400, "InvalidRequestParameter", format!("The {what} is invalid"))
}

/// The delimiter of records. The examples of the reference write a line feed as `\n`, the SDKs as it is.
pub(super) fn record_delimiter(format: &Element, what: &str) -> Result<String, CosError> {
    let Some(text) = format.text_of("RecordDelimiter") else { return Ok("\n".to_owned()) };
    let text = unescaped(text);
    if text.len() > 2 { Err(invalid(&format!("{what} RecordDelimiter of {}", format.name))) } else { Ok(text) }
}

fn unescaped(text: &str) -> String {
    text.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t")
}

impl Style {
    pub(super) fn read(csv: &Element, what: &str) -> Result<Self, CosError> {
        let one = |name: &str, default: char| match csv.text_of(name).map(unescaped) {
            None => Ok(default),
            Some(text) if text.len() == 1 => Ok(text.chars().next().unwrap_or(default)),
            Some(_) => Err(invalid(&format!("{what} {name} of CSV"))),
        };
        let always = match csv.text_of("QuoteFields") {
            None | Some("ASNEEDED") => false,
            Some("ALWAYS") => true,
            Some(_) => {
                let message = "The QuoteFields is invalid. Only ALWAYS and ASNEEDED are supported";
                return Err(CosError::new(400, "InvalidQuoteFields", message));
            }
        };
        let quoted_records = match csv.text_of("AllowQuotedRecordDelimiter").map(str::to_ascii_uppercase).as_deref() {
            None | Some("FALSE") => false,
            Some("TRUE") => true,
            Some(_) => return Err(invalid("input AllowQuoteRecordDelimiter of CSV")),
        };
        let header = match csv.text_of("FileHeaderInfo").map(str::to_ascii_uppercase).as_deref() {
            None | Some("NONE") => Header::None,
            Some("USE") => Header::Use,
            Some("IGNORE") => Header::Ignore,
            Some(_) => {
                let message = "The input FileHeaderInfo is invalid. Only NONE, USE, and IGNORE are supported";
                return Err(CosError::new(400, "InvalidFileHeaderInfo", message));
            }
        };
        Ok(Self {
            record: record_delimiter(csv, what)?,
            field: one("FieldDelimiter", ',')?,
            quote: one("QuoteCharacter", '"')?,
            escape: one("QuoteEscapeCharacter", '"')?,
            always,
            comments: Some(one("Comments", '#')?),
            quoted_records,
            header,
        })
    }

    /// The next record, and what follows it. One without an end is one, too.
    pub(super) fn next<'t>(&self, text: &'t str) -> Result<(Vec<String>, &'t str), CosError> {
        let mut fields = vec![String::new()];
        let mut quoted = false;
        let mut rest = text;
        loop {
            let ends = rest.starts_with(&self.record) && (!quoted || !self.quoted_records);
            let next = rest.chars().next();
            let (true, Some(character)) = (!ends, next) else {
                if quoted {
                    return Err(CosError::new(400, "CSVParsingError", "Encountered an error parsing the CSV file"));
                }
                return Ok((fields, rest.strip_prefix(self.record.as_str()).unwrap_or(rest)));
            };
            if text.len() - rest.len() > LONGEST_RECORD {
                return Err(too_long());
            }
            let after = &rest[character.len_utf8()..];
            rest = after;
            let escapes = quoted && character == self.escape && after.starts_with(self.quote);
            let field = fields.last_mut().expect("there is one from the beginning");
            if escapes {
                field.push(self.quote);
                rest = &after[self.quote.len_utf8()..];
            } else if character == self.quote && (quoted || field.is_empty()) {
                quoted = !quoted;
            } else if character == self.field && !quoted {
                fields.push(String::new());
            } else {
                field.push(character);
            }
        }
    }

    /// Whether a record is none: an empty line, or a comment.
    pub(super) fn passes_over(&self, text: &str) -> bool {
        text.starts_with(&self.record) || self.comments.is_some_and(|comments| text.starts_with(comments))
    }

    pub(super) fn write(&self, fields: &[String], into: &mut String) {
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                into.push(self.field);
            }
            let needs = |c: char| c == self.field || c == self.quote || c == '\n' || c == '\r';
            if self.always || field.contains(needs) || field.contains(&self.record) {
                into.push(self.quote);
                for character in field.chars() {
                    if character == self.quote {
                        into.push(self.escape);
                    }
                    into.push(character);
                }
                into.push(self.quote);
            } else {
                into.push_str(field);
            }
        }
        into.push_str(&self.record);
    }
}

pub(super) fn too_long() -> CosError {
    let message = "The length of a record in the input or result is greater than maxCharsPerRecord of 1 MB";
    CosError::new(400, "OverMaxRecordSize", message)
}
