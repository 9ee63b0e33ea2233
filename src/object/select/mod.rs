//! SELECT Object Content.

mod format;
mod frames;

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::response::Parts;
use http::{Method, Response};

pub use self::format::{CompressionType, CsvInput, CsvOutput, FileHeaderInfo, QuoteFields, SelectInput, SelectOutput};
use self::frames::{Event, Frames};
use crate::answer::{bare_answer, request_id};
use crate::body::{ByteStream, Pieces};
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::xml::{self, Element};

/// Reads of an object what an SQL expression selects, as a stream of records.
///
/// The expression is a `SELECT` with `WHERE` and `LIMIT` from the table `COSObject`, of at most 256 KiB; see
/// [SELECT Command](https://cloud.tencent.com/document/product/436/37636). A record has at most 1 MB. COS does this for
/// objects of the class `STANDARD`, and not in all regions.
///
/// The records come in frames with checksums. A frame is handed on once it was checked; one has at most 16 MiB here.
/// The stream ends only after COS said that the query is done: what broke off is an error before the end, never an end.
/// COS keeps the connection alive with small frames while it finds nothing: results may come as slowly as they like,
/// only silence ends them. Changes nothing and may be repeated freely. Results that broke off cannot be read on: ask
/// again for all of them.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchKey`, `AccessDenied`, `SQLParsingError`,
/// `InvalidCompressionFormat` and more of the reference; with status 200 from the stream, for what COS finds on the
/// way, like `CSVParsingError` or `OverMaxRecordSize`. From the stream, too:
/// [`ErrorKind::Integrity`](crate::ErrorKind::Integrity), [`ErrorKind::Response`](crate::ErrorKind::Response) for
/// frames that are none, [`ErrorKind::Transport`](crate::ErrorKind::Transport) and
/// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) when it broke off. [`ErrorKind::Input`](crate::ErrorKind::Input)
/// for an expression that is empty or too long, or a delimiter of more bytes than COS takes.
///
/// # Cancellation
/// Dropping the stream closes its connection, unless it was read to the end.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{CsvInput, FileHeaderInfo, SelectInput, SelectObjectContent, SelectOutput};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let input = SelectInput::csv(CsvInput::new().file_header_info(FileHeaderInfo::Use));
/// let expression = "SELECT s.name, s.city FROM COSObject s WHERE s.age > 30 LIMIT 100";
/// let select = SelectObjectContent::new("people.csv".parse()?, expression, input, SelectOutput::json());
/// let mut selection = bucket.send(select).await?;
/// while let Some(piece) = selection.records.next().await {
///     let piece = piece?; // a part of a record, or several
/// #   let _ = piece;
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [SELECT Object Content](https://cloud.tencent.com/document/product/436/37641)
#[doc(alias = "SELECT Object Content")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct SelectObjectContent {
    key: ObjectKey,
    expression: String,
    input: SelectInput,
    output: SelectOutput,
    progress: bool,
}

impl SelectObjectContent {
    /// The longest expression, in bytes.
    pub const MAX_EXPRESSION: usize = 256 * 1024;

    /// Selects by this expression.
    pub fn new(key: ObjectKey, expression: impl Into<String>, input: SelectInput, output: SelectOutput) -> Self {
        Self { key, expression: expression.into(), input, output, progress: false }
    }

    /// `RequestProgress`: whether COS tells from time to time how far it is; see [`SelectProgress`].
    pub fn progress(mut self, progress: bool) -> Self {
        self.progress = progress;
        self
    }

    fn document(&self) -> Result<String> {
        if self.expression.trim().is_empty() {
            return Err(Error::input("expression", "is empty"));
        }
        if self.expression.len() > Self::MAX_EXPRESSION {
            return Err(Error::input("expression", "is longer than 256 KiB"));
        }
        let mut root = Element::new("SelectRequest")
            .leaf("Expression", self.expression.as_str())
            .leaf("ExpressionType", "SQL")
            .child(self.input.write()?)
            .child(self.output.write()?);
        if self.progress {
            root = root.child(Element::new("RequestProgress").leaf("Enabled", format::flag(true)));
        }
        if !root.all_text(&|text| xml::can_carry(&text.replace('\r', ""))) {
            return Err(Error::input("select", "has a character that XML cannot carry"));
        }
        // A carriage return as such would arrive as a line feed.
        Ok(xml::write("SelectRequest", &root)?.replace('\r', "&#13;"))
    }
}

impl Operation for SelectObjectContent {
    type Output = Selection;
    type Response = ByteStream;
    const NAME: &'static str = "SELECT Object Content";
    const METHOD: Method = Method::POST;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:GetObject");
    const COMES_SLOWLY: bool = true;

    fn request(&self) -> Result<Request> {
        let request = Request::object(&self.key).query("select", "").query("select-type", "2");
        request.document("application/xml", self.document()?)
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<ByteStream>) -> Result<Selection> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let progress = SelectProgress::default();
        let (told, frames) = (progress.clone(), Frames::default());
        let records = ByteStream::from_pieces(None, Selecting { body, head, frames, told, stage: Stage::Open });
        Ok(Selection { records, progress, request_id })
    }
}

/// The results of a [`SelectObjectContent`] that are being read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Selection {
    /// The records, one after the other. A piece may end within one.
    pub records: ByteStream,
    /// How far COS is, as told between the records that were read.
    pub progress: SelectProgress,
    pub(crate) request_id: String,
}

impl Selection {
    /// Reads all records into memory, at most `limit` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) when they are more; else as the stream.
    pub async fn bytes(self, limit: usize) -> Result<Bytes> {
        self.records.bytes(limit).await
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// How far COS is with a [`SelectObjectContent`]. Cheap to clone; it goes on telling when the records are read
/// elsewhere.
#[derive(Clone, Debug, Default)]
pub struct SelectProgress(Arc<Mutex<Counts>>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    latest: Option<SelectStats>,
    finally: Option<SelectStats>,
}

impl SelectProgress {
    /// What COS said last; `None` unless it was [asked to](SelectObjectContent::progress), and before it did.
    pub fn latest(&self) -> Option<SelectStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).latest
    }

    /// What COS said at the end; `None` before the records were read to their end.
    pub fn stats(&self) -> Option<SelectStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).finally
    }

    fn told(&self, tell: impl FnOnce(&mut Counts)) {
        tell(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// How much COS has read and given; a number that it did not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelectStats {
    /// Bytes of the object that were read.
    pub bytes_scanned: Option<u64>,
    /// The same, as they are uncompressed.
    pub bytes_processed: Option<u64>,
    /// Bytes of records.
    pub bytes_returned: Option<u64>,
}

impl SelectStats {
    fn read(root: &Element) -> Self {
        let number = |name| root.children.iter().find(|child| child.name == name).and_then(Element::number);
        Self {
            bytes_scanned: number("BytesScanned"),
            bytes_processed: number("BytesProcessed"),
            bytes_returned: number("BytesReturned"),
        }
    }
}

/// Takes the records out of their frames.
struct Selecting {
    body: ByteStream,
    head: Parts,
    frames: Frames,
    told: SelectProgress,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// COS said that the query is done.
    Ended,
    /// The end, or an error, was handed on.
    Done,
}

impl Selecting {
    /// The next records among the bytes that are here.
    fn records(&mut self) -> Result<Option<Bytes>> {
        while let Some(event) = self.frames.next().map_err(|error| error.with_service(bare_answer(&self.head)))? {
            if self.stage == Stage::Ended {
                return Err(self.strange("there is something after the end of the results"));
            }
            match event {
                Event::Records(bytes) if bytes.is_empty() => {}
                Event::Records(bytes) => return Ok(Some(bytes)),
                Event::Continuation => {}
                Event::Progress(document) => {
                    let stats = self.stats("Progress", &document)?;
                    self.told.told(|counts| counts.latest = Some(stats));
                }
                Event::Stats(document) => {
                    let stats = self.stats("Stats", &document)?;
                    self.told.told(|counts| counts.finally = Some(stats));
                }
                Event::End => self.stage = Stage::Ended,
                Event::Error { code, message } => {
                    let (code, message) = (xml::short(code), xml::short(message));
                    let refusal = ServiceError { code, message, ..bare_answer(&self.head) };
                    return Err(Error::service_error(refusal));
                }
            }
        }
        Ok(None)
    }

    fn stats(&self, root: &str, document: &[u8]) -> Result<SelectStats> {
        let id = request_id(&self.head.headers);
        Ok(SelectStats::read(&xml::read_whole(root, self.head.status.as_u16(), &id, document)?))
    }

    fn strange(&self, what: &'static str) -> Error {
        Error::new(ErrorKind::Response, what).with_service(bare_answer(&self.head))
    }

    fn end(&self) -> Option<Error> {
        match self.stage {
            Stage::Ended if self.frames.is_empty() => None,
            Stage::Ended => Some(self.strange("there is something after the end of the results")),
            _ => {
                let error =
                    Error::new(ErrorKind::Transport, "the results broke off: COS did not say that they are all");
                Some(error.with_service(bare_answer(&self.head)).retryable(true))
            }
        }
    }
}

impl Stream for Selecting {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.stage == Stage::Done {
            return Poll::Ready(None);
        }
        let item = loop {
            match this.records() {
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(None) => {}
                Err(error) => break Some(Err(this.body.about(error))),
            }
            match ready!(Pin::new(&mut this.body).poll_next(cx)) {
                Some(Ok(bytes)) => this.frames.feed(&bytes),
                Some(Err(error)) => break Some(Err(error)),
                None => break this.end().map(|error| Err(this.body.about(error))),
            }
        };
        this.stage = Stage::Done;
        Poll::Ready(item)
    }
}

impl Pieces for Selecting {
    fn about(&self, error: Error) -> Error {
        self.body.about(error)
    }
}

#[cfg(test)]
mod tests {
    use super::frames::written::{error, event};
    use super::*;
    use crate::operation::as_text;

    fn select(expression: &str, input: SelectInput, output: SelectOutput) -> SelectObjectContent {
        SelectObjectContent::new(ObjectKey::new("k").unwrap(), expression, input, output)
    }

    fn example() -> SelectObjectContent {
        let input = CsvInput::new()
            .file_header_info(FileHeaderInfo::Ignore)
            .record_delimiter("\n")
            .field_delimiter(',')
            .quote_character('"')
            .quote_escape_character('"')
            .comments('#')
            .allow_quoted_record_delimiter(false);
        let output = CsvOutput::new()
            .quote_fields(QuoteFields::AsNeeded)
            .record_delimiter("\n")
            .field_delimiter(',')
            .quote_character('"')
            .quote_escape_character('"');
        let input = SelectInput::csv(input).compression(CompressionType::Gzip);
        select("Select * from COSObject", input, SelectOutput::csv(output))
    }

    fn written(select: &SelectObjectContent) -> String {
        let request = select.request().unwrap();
        String::from_utf8(request.body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    const GOLDEN: &str = include_str!("../../../tests/golden/xml/select_request.xml");

    #[test]
    fn request_as_text() {
        let golden: String = GOLDEN.lines().map(str::trim).collect();
        // The example names the delimiter of records by the escape of a programming language.
        let golden = golden.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "").replace("\\n", "\n");
        assert_eq!(written(&example().progress(true)).replace("&quot;", "\""), golden);
        assert_eq!(
            as_text(&example()),
            "POST /k?select&select-type=2\ncontent-md5: lzhXXS/+9MoJ6A/1YRHSVA==\ncontent-type: application/xml\n[718]"
        );
        let least =
            select("SELECT a FROM COSObject s WHERE s.b < 'x & \r\n'", SelectInput::json_lines(), SelectOutput::json());
        assert_eq!(
            written(&least),
            "<SelectRequest><Expression>SELECT a FROM COSObject s WHERE s.b &lt; 'x &amp; &#13;\n'</Expression>\
             <ExpressionType>SQL</ExpressionType><InputSerialization><JSON><Type>LINES</Type></JSON>\
             </InputSerialization><OutputSerialization><JSON/></OutputSerialization></SelectRequest>"
        );
        let parquet = select("SELECT 1", SelectInput::parquet(), SelectOutput::json_delimited("\r\n"));
        let formats = "<InputSerialization><Parquet/></InputSerialization><OutputSerialization><JSON><RecordDelimiter>\
                       &#13;\n</RecordDelimiter></JSON></OutputSerialization></SelectRequest>";
        assert!(written(&parquet).ends_with(formats), "{}", written(&parquet));
        assert!(written(&select("x", SelectInput::json_document(), SelectOutput::json())).contains("DOCUMENT"));
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        let csv = |csv| select("SELECT 1", SelectInput::csv(csv), SelectOutput::json());
        let json = |expression: &str| select(expression, SelectInput::json_lines(), SelectOutput::json());
        let to_csv = |csv| select("SELECT 1", SelectInput::json_lines(), SelectOutput::csv(csv));
        for (select, field) in [
            (json(" "), "expression"),
            (json(&"x".repeat(SelectObjectContent::MAX_EXPRESSION + 1)), "expression"),
            (json("a\0"), "select"),
            (csv(CsvInput::new().record_delimiter("")), "record_delimiter"),
            (csv(CsvInput::new().record_delimiter("\r\n\n")), "record_delimiter"),
            (csv(CsvInput::new().field_delimiter('，')), "field_delimiter"),
            (csv(CsvInput::new().field_delimiter('\u{1}')), "select"),
            (csv(CsvInput::new().quote_character('“')), "quote_character"),
            (csv(CsvInput::new().comments('§')), "comments"),
            (to_csv(CsvOutput::new().quote_escape_character('“')), "quote_escape_character"),
            (select("SELECT 1", SelectInput::json_lines(), SelectOutput::json_delimited("")), "record_delimiter"),
        ] {
            let error = select.request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
    }

    /// The streams of these tests are always ready.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match std::pin::pin!(future).poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("not ready"),
        }
    }

    fn answer(pieces: Vec<Bytes>) -> Selection {
        let stream = ByteStream::new(None, futures_util::stream::iter(pieces.into_iter().map(Ok::<_, Error>)));
        let answer = Response::builder().header("x-cos-request-id", "NjQ").body(stream).unwrap();
        example().output(&Sent::default(), answer).unwrap()
    }

    fn in_pieces(bytes: &[u8], size: usize) -> Selection {
        answer(bytes.chunks(size).map(Bytes::copy_from_slice).collect())
    }

    const STATS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Stats>\n     <BytesScanned>512</BytesScanned>\n     \
                         <BytesProcessed>1024</BytesProcessed>\n     <BytesReturned>8</BytesReturned>\n</Stats>";

    fn results() -> Vec<u8> {
        let progress = STATS.replace("Stats>", "Progress>").replace("<BytesReturned>8</BytesReturned>", "<New/>");
        let frames = [
            event("Records", b"a,b\n"),
            event("Cont", b""),
            event("Progress", progress.as_bytes()),
            event("Records", b"c,d\n"),
            event("Stats", STATS.as_bytes()),
            event("End", b""),
        ];
        frames.concat()
    }

    #[test]
    fn output_is_the_records_and_what_was_told_between_them() {
        for size in [1, 5, 100, 10_000] {
            let mut selection = in_pieces(&results(), size);
            let progress = selection.progress.clone();
            assert_eq!((progress.latest(), progress.stats(), selection.request_id()), (None, None, "NjQ"));
            assert_eq!(now(selection.records.next()).unwrap().unwrap(), "a,b\n");
            assert_eq!(now(selection.bytes(100)).unwrap(), "c,d\n");
            let told = SelectStats { bytes_scanned: Some(512), bytes_processed: Some(1024), bytes_returned: Some(8) };
            assert_eq!(progress.stats(), Some(told));
            assert_eq!(progress.latest(), Some(SelectStats { bytes_returned: None, ..told }));
        }
    }

    #[test]
    fn nothing_that_broke_off_looks_complete() {
        let whole = results();
        for at in 0..whole.len() {
            for size in [1, whole.len()] {
                let error = now(in_pieces(&whole[..at], size).bytes(100)).unwrap_err();
                assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Transport, true), "{at}");
                assert_eq!(error.request_id(), Some("NjQ"), "{at}");
            }
        }
        assert_eq!(now(answer(vec![]).bytes(100)).unwrap_err().kind(), ErrorKind::Transport);
    }

    #[test]
    fn an_error_among_the_records_is_that_of_cos() {
        let broken = [event("Records", b"a\n"), error("OverMaxRecordSize", "A record is too long.")].concat();
        let mut selection = in_pieces(&broken, 10);
        assert_eq!(now(selection.records.next()).unwrap().unwrap(), "a\n");
        let error = now(selection.records.next()).unwrap().unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Service, Some("OverMaxRecordSize")));
        assert_eq!((error.status(), error.request_id()), (Some(200), Some("NjQ")));
        assert!(error.to_string().contains("A record is too long."), "{error}");
        assert!(now(selection.records.next()).is_none());
    }

    #[test]
    fn what_follows_the_end_is_an_error() {
        for more in [&b"x"[..], &event("Records", b"a\n"), &event("End", b"")] {
            let error = now(in_pieces(&[results(), more.to_vec()].concat(), 7).bytes(100)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response, "{more:?}");
        }
    }

    #[test]
    fn statistics_that_are_no_document_are_an_error() {
        for kind in ["Stats", "Progress"] {
            let error = now(in_pieces(&event(kind, b"<Other/>"), 100).bytes(100)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response, "{kind}");
        }
    }
}
