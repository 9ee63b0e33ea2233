//! Standard output: results as text or as lines of JSON, and the bytes of objects.

use std::fmt::{Display, Write as _};
use std::io::{self, BufWriter, Stdout, Write};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tencent_cos::{ByteStream, Tags};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncWriteExt;

use crate::amount::{Size, counted};
use crate::failure::{Failure, OneLine, Outcome, is_control};

/// More than is printed between two flushes where bars are in the way.
const BUFFER: usize = 256 * 1024;

/// Call [`finish`](Self::finish) at the end, or what cannot be written goes unnoticed.
pub struct Output {
    json: bool,
    out: BufWriter<Stdout>,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json, out: BufWriter::with_capacity(BUFFER, io::stdout()) }
    }

    /// One result on one line.
    pub fn line(&mut self, json: impl FnOnce() -> Value, text: impl Display) -> Outcome {
        let line = if self.json { plain(&json().to_string()) } else { OneLine(&text.to_string()).to_string() };
        writeln!(self.out, "{line}").map_err(Failure::stdout)
    }

    /// One result on several lines, or on one as JSON.
    pub fn lines(&mut self, json: impl FnOnce() -> Value, text: &[(String, String)]) -> Outcome {
        if self.json {
            return self.line(json, "");
        }
        let width = width(text.iter().map(|(name, _)| name.chars().count()));
        for (name, value) in text {
            writeln!(self.out, "{:width$}  {}", OneLine(name).to_string(), OneLine(value)).map_err(Failure::stdout)?;
        }
        Ok(())
    }

    /// JSON whatever was asked for.
    pub fn document(&mut self, json: &Value, one_line: bool) -> Outcome {
        let text = if one_line { json.to_string() } else { format!("{json:#}") };
        writeln!(self.out, "{}", plain(&text)).map_err(Failure::stdout)
    }

    /// JSON as somebody else laid it out.
    pub fn laid_out(&mut self, json: &str) -> Outcome {
        writeln!(self.out, "{}", plain(json.trim()).replace("\r\n", "\n").replace('\r', "\n")).map_err(Failure::stdout)
    }

    /// A thing that failed, while the rest goes on.
    pub fn failed(&mut self, target: &str, error: &Value) -> Outcome {
        self.line(|| json!({ "action": "failed", "target": target, "error": error }), "")
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nothing waits to be flushed.
    pub fn is_empty(&self) -> bool {
        self.out.buffer().is_empty()
    }

    pub fn flush(&mut self) -> Outcome {
        self.out.flush().map_err(Failure::stdout)
    }

    pub fn finish(mut self) -> Outcome {
        self.flush()
    }
}

/// That of a column with such texts. What is longer than anything of COS stands out: `format!` takes no width of more than
/// 65 535.
pub fn width(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.max().unwrap_or_default().min(128)
}

/// The same JSON without what a terminal obeys: `serde_json` escapes the controls of ASCII alone, and beyond those all
/// stand in strings.
pub fn plain(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c >= '\u{7f}' && is_control(c) {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// Writes the bytes as they come; a wrong end is an error behind what was written.
pub async fn copy_to_stdout(mut body: ByteStream) -> Outcome {
    let mut out = tokio::io::stdout();
    while let Some(bytes) = body.next().await {
        out.write_all(&bytes?).await.map_err(Failure::stdout)?;
    }
    out.flush().await.map_err(Failure::stdout)
}

pub fn time_text(time: Option<SystemTime>) -> Option<String> {
    OffsetDateTime::from(time?).format(&Rfc3339).ok()
}

/// The objects whose keys begin so and that have these tags.
pub fn objects(prefix: Option<&str>, tags: &Tags) -> String {
    let mut text = format!("{}*", prefix.unwrap_or_default());
    for (key, value) in tags.iter() {
        let _ = write!(text, " with {key}={value}");
    }
    text
}

/// What became of a file that was transferred.
pub fn done(from: &impl Display, to: &impl Display, bytes: u64, took: Duration, crc64: Option<&str>) -> String {
    let checked = crc64.map_or("not checked".to_owned(), |crc64| format!("CRC-64 {crc64}"));
    format!("{from} -> {to}: {} in {:.1} s, {checked}", Size(bytes), took.as_secs_f64())
}

/// What became of many.
pub fn summed(verb: &str, files: u64, bytes: u64, took: Duration) -> String {
    format!("{} {verb}, {} in {:.1} s", counted(files, "file"), Size(bytes), took.as_secs_f64())
}

/// For a shell: as it is, or between single quotes.
pub fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./+=:@%,".contains(&byte);
    if value.bytes().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}
