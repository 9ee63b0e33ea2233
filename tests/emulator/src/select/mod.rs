//! SELECT Object Content: a small part of its SQL over CSV and JSON, with the framing of the service.
//!
//! Objects are neither compressed nor Parquet here. How a record of CSV looks in JSON, what `count(*)` is called there, and
//! what a comparison of texts and numbers gives is inferred: the reference shows columns of JSON alone.

mod csv;
pub(crate) mod frames;
mod rows;
mod sql;

use std::io::Read as _;

use bytes::Bytes;

use self::csv::{Header, LONGEST_RECORD, Style, record_delimiter, too_long};
use self::rows::{Row, Value};
use self::sql::{Items, Path, Select};
use crate::body::Body;
use crate::customer_key::{self, CustomerKey};
use crate::encoding::number;
use crate::error::CosError;
use crate::object::may_read;
use crate::receive::receive_text_within;
use crate::respond::Reply;
use crate::restore;
use crate::service::Call;
use crate::store::{Kind, Version};
use crate::xml::{Document, Element, parse};

/// The root, as the reference has it and as the Java SDK writes it.
const ROOTS: [&str; 2] = ["SelectRequest", "SelectObjectContentRequest"];
/// The longest expression, and what is around it.
const LONGEST_EXPRESSION: usize = 256 * 1024;
const LONGEST_DOCUMENT: usize = 2 * 1024 * 1024;
/// Records are cut into frames of this size, wherever they end.
const PAYLOAD: usize = 64 * 1024;
/// What is read into memory.
const LARGEST_OBJECT: u64 = 256 * 1024 * 1024;

pub(crate) async fn post(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    let found = bucket.find(call.key()?, call.head.query.get("versionId"));
    may_read(call, call.standing, &bucket, call.key()?, found.as_deref().ok())?;
    if call.head.query.get("select-type") != Some("2") {
        return Err(CosError::invalid_argument("select-type must be 2."));
    }
    let text = receive_text_within(call, LONGEST_DOCUMENT).await?;
    let root = parse(&text).filter(|root| ROOTS.contains(&root.name.as_str()));
    let asked = Asked::read(&root.ok_or_else(|| CosError::new(400, "InvalidXML", "The XML is invalid"))?)?;
    let version = found.map_err(|reason| reason.error())?;
    if matches!(version.kind, Kind::Symlink(_)) {
        return Err(CosError::not_implemented("a SELECT from a symbolic link"));
    }
    customer_key::demand(CustomerKey::of(call.head)?.as_ref(), &version.draft)?;
    restore::refuse_archived(&version, call.world.clock.now())?;
    if version.draft.storage_class != "STANDARD" {
        return Err(CosError::method_not_allowed()); // inferred: the reference names no code
    }
    let bytes = bytes_of(&version).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        let message = "UTF-8 encoding is required. Please check the file and try again.";
        CosError::new(400, "InvalidTextEncoding", message)
    })?;
    let mut records = String::new();
    let outcome = asked.select(text, &mut records);
    if let Err(error) = &outcome
        && records.is_empty()
    {
        return Err(error.clone());
    }
    let mut reply = Reply::ok();
    reply.body = Body::chunked(asked.frames(bytes.len(), &records, outcome.err().as_ref()).into());
    reply.set("content-type", "application/octet-stream");
    Ok(reply)
}

async fn bytes_of(version: &Version) -> Result<Bytes, CosError> {
    if let Some(bytes) = version.pieces.in_memory() {
        return Ok(bytes);
    }
    if version.size > LARGEST_OBJECT {
        return Err(CosError::not_implemented("a SELECT from an object over 256 MiB"));
    }
    let mut reader = version.pieces.reader();
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = read.await.map_err(|error| CosError::internal(&error))?;
    Ok(bytes.map_err(|error| CosError::internal(&error))?.into())
}

struct Asked {
    select: Select,
    input: Input,
    output: Output,
    progress: bool,
}

enum Input {
    Csv(Style),
    Lines,
    Document,
}

enum Output {
    Csv(Style),
    Json(String),
}

fn missing(code: &'static str, what: &str) -> CosError {
    CosError::new(400, code, format!("The {what} is missing"))
}

impl Asked {
    fn read(root: &Element) -> Result<Self, CosError> {
        let text = root.text_of("Expression").map(str::trim).unwrap_or_default();
        if text.is_empty() {
            return Err(missing("MissingExpectedExpression", "SQL expression"));
        }
        if text.len() > LONGEST_EXPRESSION {
            return Err(CosError::new(400, "ExpressionTooLong", "The SQL expression is longer than 256 KB"));
        }
        match root.text_of("ExpressionType") {
            Some("SQL") => {}
            Some(_) => return Err(CosError::new(400, "InvalidExpressionType", "Only SQL expressions are supported")),
            None => {
                let message = "The SelectRequest entity is missing a required parameter";
                return Err(CosError::new(400, "MissingRequiredParameter", message));
            }
        }
        let input = root.child("InputSerialization");
        let input = input.ok_or_else(|| missing("MissingInputSerialization", "input serialization"))?;
        let output = root.child("OutputSerialization");
        let output = output.ok_or_else(|| missing("MissingOutputSerialization", "output serialization"))?;
        let progress = root.child("RequestProgress").and_then(|progress| progress.text_of("Enabled"));
        let progress = match progress.map(str::to_ascii_uppercase).as_deref() {
            None | Some("FALSE") => false,
            Some("TRUE") => true,
            Some(_) => return Err(CosError::malformed_xml()),
        };
        let (input, output) = (Input::read(input)?, Output::read(output)?);
        Ok(Self { select: Select::parse(text)?, input, output, progress })
    }

    /// Writes the records that are selected, up to the first that is none.
    fn select(&self, text: &str, into: &mut String) -> Result<(), CosError> {
        let mut count = 0;
        let mut wanted = |row: &Row| {
            if self.select.limit.is_some_and(|limit| count >= limit) {
                return Ok(None);
            }
            let column = |path: &Path| self.input.column(row, path);
            let holds = self.select.condition.as_ref().map_or(Ok(true), |condition| condition.holds(&column))?;
            count += u64::from(holds);
            Ok::<_, CosError>(Some(holds))
        };
        self.input.rows(text, |row| {
            match wanted(&row)? {
                None => return Ok(false),
                Some(true) => self.give(&row, into)?,
                Some(false) => {}
            }
            Ok(true)
        })?;
        if let Items::Count(name) = &self.select.items {
            self.write(&Row(vec![(name.clone(), Value::of_number(count))]), into)?;
        }
        Ok(())
    }

    fn give(&self, row: &Row, into: &mut String) -> Result<(), CosError> {
        match &self.select.items {
            Items::Count(_) => Ok(()),
            Items::All => self.write(row, into),
            Items::Columns(columns) => {
                let mut given = Vec::new();
                for (path, alias) in columns {
                    let last = path.last().map_or("", |name| name.text.as_str());
                    let name = alias.clone().unwrap_or_else(|| last.to_owned());
                    match self.input.column(row, path)? {
                        Some(value) => given.push((name, value)),
                        // A member that is not there is none in JSON, and a field all the same.
                        None if matches!(self.output, Output::Csv(_)) => given.push((name, Value::Text(String::new()))),
                        None => {}
                    }
                }
                self.write(&Row(given), into)
            }
        }
    }

    fn write(&self, row: &Row, into: &mut String) -> Result<(), CosError> {
        let before = into.len();
        match &self.output {
            Output::Csv(style) => row.write_csv(style, into),
            Output::Json(delimiter) => row.write_json(delimiter, into),
        }
        if into.len() - before > LONGEST_RECORD { Err(too_long()) } else { Ok(()) }
    }

    /// Records in several frames, one that means nothing among them, counts and the end; or the error in their place.
    fn frames(&self, scanned: usize, records: &str, error: Option<&CosError>) -> Vec<u8> {
        let mut frames = Vec::new();
        let mut returned = 0;
        for payload in records.as_bytes().chunks(PAYLOAD) {
            frames.extend(frames::records(payload));
            if returned == 0 {
                frames.extend(frames::continuation());
            }
            returned += payload.len();
            if self.progress {
                frames.extend(frames::counts("Progress", &counts("Progress", scanned, returned)));
            }
        }
        if let Some(error) = error {
            frames.extend(frames::error(&error.code, &error.message));
        } else {
            frames.extend(frames::counts("Stats", &counts("Stats", scanned, returned)));
            frames.extend(frames::end());
        }
        frames
    }
}

/// Nothing is compressed here: what is scanned is what is processed.
fn counts(root: &'static str, scanned: usize, returned: usize) -> String {
    let mut xml = Document::new(root);
    xml.number("BytesScanned", scanned as u64);
    xml.number("BytesProcessed", scanned as u64);
    xml.number("BytesReturned", returned as u64);
    xml.finish()
}

impl Input {
    fn read(input: &Element) -> Result<Self, CosError> {
        match input.text_of("CompressionType").map(str::to_ascii_uppercase).as_deref() {
            None | Some("NONE") => {}
            Some("GZIP" | "BZIP2") => return Err(CosError::not_implemented("a SELECT from a compressed object")),
            Some(_) => {
                let message = "The file is not in a supported compression format. Only GZIP and BZIP2 are supported";
                return Err(CosError::new(400, "InvalidCompressionFormat", message));
            }
        }
        if input.child("Parquet").is_some() {
            return Err(CosError::not_implemented("a SELECT from Parquet"));
        }
        match (input.child("CSV"), input.child("JSON")) {
            (Some(csv), None) => Ok(Self::Csv(Style::read(csv, "input")?)),
            (None, Some(json)) => match json.text_of("Type").map(str::to_ascii_uppercase).as_deref() {
                Some("LINES") => Ok(Self::Lines),
                Some("DOCUMENT") => Ok(Self::Document),
                _ => {
                    let message = "The JsonType is invalid. Only DOCUMENT and LINES are supported";
                    Err(CosError::new(400, "InvalidJsonType", message))
                }
            },
            (None, None) => Err(missing("MissingInputFormat", "input format")),
            (Some(_), Some(_)) => Err(CosError::malformed_xml()),
        }
    }

    /// Hands over row by row, for as long as more are wanted.
    fn rows(&self, mut text: &str, mut take: impl FnMut(Row) -> Result<bool, CosError>) -> Result<(), CosError> {
        match self {
            Self::Document => take(Row::of_json(text)?).map(drop),
            Self::Lines => {
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    if line.len() > LONGEST_RECORD {
                        return Err(too_long());
                    }
                    if !take(Row::of_json(line)?)? {
                        break;
                    }
                }
                Ok(())
            }
            Self::Csv(style) => {
                let mut names = None;
                while !text.is_empty() {
                    let passed_over = style.passes_over(text);
                    let (fields, rest) = style.next(text)?;
                    text = rest;
                    if passed_over {
                        continue;
                    }
                    if style.header != Header::None && names.is_none() {
                        names = Some(fields);
                        continue;
                    }
                    let columns = names.as_ref().filter(|_| style.header == Header::Use);
                    let name = |at: usize| columns.and_then(|columns| columns.get(at)).cloned();
                    let members = fields.into_iter().enumerate();
                    let members = members.map(|(at, field)| (name(at), at, field));
                    let members = members
                        .map(|(name, at, field)| (name.unwrap_or_else(|| format!("_{}", at + 1)), Value::Text(field)));
                    if !take(Row(members.collect()))? {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// A column of the list. Of CSV it may be named by its number, and one that has no such name is an error.
    fn column(&self, row: &Row, path: &Path) -> Result<Option<Value>, CosError> {
        let Self::Csv(_) = self else { return row.get(path) };
        let [name] = path.as_slice() else {
            return Err(CosError::new(400, "SQLParsingError", "The table alias is invalid in the SQL expression"));
        };
        match name.text.strip_prefix('_').and_then(number::<usize>) {
            Some(0) => Err(CosError::new(400, "SQLParsingError", "The column index is invalid in the SQL expression")),
            Some(at) => Ok(row.0.get(at - 1).map(|(_, value)| value.clone())),
            None => match row.get(path)? {
                None => {
                    Err(CosError::new(400, "MissingHeaders", "Some headers in the query are missing from the file"))
                }
                found => Ok(found),
            },
        }
    }
}

impl Output {
    fn read(output: &Element) -> Result<Self, CosError> {
        match (output.child("CSV"), output.child("JSON")) {
            (Some(csv), None) => Ok(Self::Csv(Style::read(csv, "output")?)),
            (None, Some(json)) => Ok(Self::Json(record_delimiter(json, "output")?)),
            (None, None) => Err(missing("MissingOutputFormat", "output format")),
            (Some(_), Some(_)) => Err(CosError::malformed_xml()),
        }
    }
}
