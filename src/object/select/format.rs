use crate::error::{Error, Result};
use crate::name::display_name;
use crate::xml::Element;

/// How the object of a [`SelectObjectContent`](crate::SelectObjectContent) is written. It must be UTF-8.
///
/// # Examples
/// ```
/// use tencent_cos::{CompressionType, CsvInput, FileHeaderInfo, SelectInput};
///
/// let input = SelectInput::csv(CsvInput::new().file_header_info(FileHeaderInfo::Use).field_delimiter(';'))
///     .compression(CompressionType::Gzip);
/// # let _ = input;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectInput {
    format: Format,
    compression: Option<CompressionType>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Format {
    Csv(CsvInput),
    Json(&'static str),
    Parquet,
}

impl SelectInput {
    /// CSV.
    pub fn csv(csv: CsvInput) -> Self {
        Self::of(Format::Csv(csv))
    }

    /// JSON with an object in each line (`LINES`).
    pub fn json_lines() -> Self {
        Self::of(Format::Json("LINES"))
    }

    /// JSON that is one object, over as many lines as it likes (`DOCUMENT`).
    pub fn json_document() -> Self {
        Self::of(Format::Json("DOCUMENT"))
    }

    /// Apache Parquet.
    pub fn parquet() -> Self {
        Self::of(Format::Parquet)
    }

    fn of(format: Format) -> Self {
        Self { format, compression: None }
    }

    /// `CompressionType`. COS takes no value as none.
    #[must_use]
    pub fn compression(mut self, compression: CompressionType) -> Self {
        self.compression = Some(compression);
        self
    }

    pub(super) fn write(&self) -> Result<Element> {
        let compression = self.compression.map(CompressionType::as_str);
        let root = Element::new("InputSerialization").leaf_opt("CompressionType", compression);
        Ok(root.child(match &self.format {
            Format::Csv(csv) => csv.write()?,
            Format::Json(kind) => Element::new("JSON").leaf("Type", *kind),
            Format::Parquet => Element::new("Parquet"),
        }))
    }
}

/// How an object is compressed. COS reads Parquet whose columns are compressed with GZIP or Snappy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompressionType {
    /// It is not.
    None,
    /// With GZIP.
    Gzip,
    /// With bzip2; CSV and JSON only.
    Bzip2,
}

impl CompressionType {
    /// As COS writes it: `NONE`, `GZIP`, `BZIP2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Gzip => "GZIP",
            Self::Bzip2 => "BZIP2",
        }
    }
}

display_name!(CompressionType);

/// What the first line of CSV is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileHeaderInfo {
    /// A record. Columns are `_1`, `_2`, and so on.
    None,
    /// The names of the columns, which the expression uses.
    Use,
    /// The names of the columns, which are passed over. Columns are `_1`, `_2`, and so on.
    Ignore,
}

impl FileHeaderInfo {
    /// As COS writes it: `NONE`, `USE`, `IGNORE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Use => "USE",
            Self::Ignore => "IGNORE",
        }
    }
}

display_name!(FileHeaderInfo);

/// How CSV is read. What is not set is as COS has it: a record a line, commas, double quotes, `#` before a comment, no
/// names of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvInput {
    header: Option<FileHeaderInfo>,
    style: Style,
    comments: Option<char>,
    quoted_delimiter: Option<bool>,
}

/// What CSV has in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Style {
    record: Option<String>,
    field: Option<char>,
    quote: Option<char>,
    escape: Option<char>,
}

impl CsvInput {
    /// As COS has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// `FileHeaderInfo`: what the first line is.
    #[must_use]
    pub fn file_header_info(mut self, header: FileHeaderInfo) -> Self {
        self.header = Some(header);
        self
    }

    /// `RecordDelimiter`: what stands between records, 1 or 2 bytes.
    #[must_use]
    pub fn record_delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.style.record = Some(delimiter.into());
        self
    }

    /// `FieldDelimiter`: what stands between fields, of ASCII.
    #[must_use]
    pub fn field_delimiter(mut self, delimiter: char) -> Self {
        self.style.field = Some(delimiter);
        self
    }

    /// `QuoteCharacter`: what stands around a field that holds a delimiter, of ASCII.
    #[must_use]
    pub fn quote_character(mut self, quote: char) -> Self {
        self.style.quote = Some(quote);
        self
    }

    /// `QuoteEscapeCharacter`: what stands before a quote within quotes, of ASCII.
    #[must_use]
    pub fn quote_escape_character(mut self, escape: char) -> Self {
        self.style.escape = Some(escape);
        self
    }

    /// `Comments`: what a line begins with that is no record, of ASCII.
    #[must_use]
    pub fn comments(mut self, comments: char) -> Self {
        self.comments = Some(comments);
        self
    }

    /// `AllowQuotedRecordDelimiter`: whether there may be a record delimiter within quotes. It makes COS slower.
    #[must_use]
    pub fn allow_quoted_record_delimiter(mut self, allow: bool) -> Self {
        self.quoted_delimiter = Some(allow);
        self
    }

    fn write(&self) -> Result<Element> {
        let csv = Element::new("CSV").leaf_opt("FileHeaderInfo", self.header.map(FileHeaderInfo::as_str));
        let csv = self.style.write(csv)?;
        let csv = csv.leaf_opt("Comments", one_byte("comments", self.comments)?);
        Ok(csv.leaf_opt("AllowQuotedRecordDelimiter", self.quoted_delimiter.map(flag)))
    }
}

impl Style {
    fn write(&self, csv: Element) -> Result<Element> {
        let Self { record, field, quote, escape } = self;
        Ok(csv
            .leaf_opt("RecordDelimiter", record_delimiter(record.as_deref())?)
            .leaf_opt("FieldDelimiter", one_byte("field_delimiter", *field)?)
            .leaf_opt("QuoteCharacter", one_byte("quote_character", *quote)?)
            .leaf_opt("QuoteEscapeCharacter", one_byte("quote_escape_character", *escape)?))
    }
}

fn record_delimiter(text: Option<&str>) -> Result<Option<&str>> {
    match text {
        Some(text) if !(1..=2).contains(&text.len()) => Err(Error::input("record_delimiter", "is not 1 or 2 bytes")),
        text => Ok(text),
    }
}

fn one_byte(field: &'static str, character: Option<char>) -> Result<Option<String>> {
    match character {
        Some(character) if !character.is_ascii() => Err(Error::input(field, "is more than 1 byte")),
        character => Ok(character.map(String::from)),
    }
}

pub(super) fn flag(flag: bool) -> &'static str {
    if flag { "TRUE" } else { "FALSE" }
}

/// How the results of a [`SelectObjectContent`](crate::SelectObjectContent) are written.
///
/// # Examples
/// ```
/// use tencent_cos::{CsvOutput, QuoteFields, SelectOutput};
///
/// let csv = SelectOutput::csv(CsvOutput::new().quote_fields(QuoteFields::Always));
/// let json = SelectOutput::json();
/// # let _ = (csv, json);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectOutput(Output);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Output {
    Csv(CsvOutput),
    Json(Option<String>),
}

impl SelectOutput {
    /// CSV, without names of columns.
    pub fn csv(csv: CsvOutput) -> Self {
        Self(Output::Csv(csv))
    }

    /// JSON: an object for each record, and a line feed after it.
    pub fn json() -> Self {
        Self(Output::Json(None))
    }

    /// JSON: an object for each record, and this after it (`RecordDelimiter`), 1 or 2 bytes.
    pub fn json_delimited(record_delimiter: impl Into<String>) -> Self {
        Self(Output::Json(Some(record_delimiter.into())))
    }

    pub(super) fn write(&self) -> Result<Element> {
        let format = match &self.0 {
            Output::Csv(csv) => csv.write()?,
            Output::Json(delimiter) => {
                Element::new("JSON").leaf_opt("RecordDelimiter", record_delimiter(delimiter.as_deref())?)
            }
        };
        Ok(Element::new("OutputSerialization").child(format))
    }
}

/// Which fields of CSV stand in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuoteFields {
    /// All.
    Always,
    /// Those that need them.
    AsNeeded,
}

impl QuoteFields {
    /// As COS writes it: `ALWAYS`, `ASNEEDED`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "ALWAYS",
            Self::AsNeeded => "ASNEEDED",
        }
    }
}

display_name!(QuoteFields);

/// How CSV is written. What is not set is as COS has it: a record a line, commas, double quotes where they are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvOutput {
    quote_fields: Option<QuoteFields>,
    style: Style,
}

impl CsvOutput {
    /// As COS has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// `QuoteFields`: which fields stand in quotes.
    #[must_use]
    pub fn quote_fields(mut self, which: QuoteFields) -> Self {
        self.quote_fields = Some(which);
        self
    }

    /// `RecordDelimiter`: what comes after each record, 1 or 2 bytes.
    #[must_use]
    pub fn record_delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.style.record = Some(delimiter.into());
        self
    }

    /// `FieldDelimiter`: what stands between fields, of ASCII.
    #[must_use]
    pub fn field_delimiter(mut self, delimiter: char) -> Self {
        self.style.field = Some(delimiter);
        self
    }

    /// `QuoteCharacter`: what stands around a field that holds a delimiter, of ASCII.
    #[must_use]
    pub fn quote_character(mut self, quote: char) -> Self {
        self.style.quote = Some(quote);
        self
    }

    /// `QuoteEscapeCharacter`: what stands before a quote within quotes, of ASCII.
    #[must_use]
    pub fn quote_escape_character(mut self, escape: char) -> Self {
        self.style.escape = Some(escape);
        self
    }

    fn write(&self) -> Result<Element> {
        // The one setting that the reference calls required.
        let quote_fields = self.quote_fields.unwrap_or(QuoteFields::AsNeeded);
        self.style.write(Element::new("CSV").leaf("QuoteFields", quote_fields.as_str()))
    }
}
