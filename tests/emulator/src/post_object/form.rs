//! `multipart/form-data`, read part by part: the fields into memory, the file as it comes.

use std::fmt;

use bytes::Bytes;
use futures_util::stream;
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::body::Upload;
use crate::error::CosError;
use crate::receive::LARGEST;
use crate::request::Head;

/// Together, and more than any form needs.
const LONGEST_FIELDS: usize = 1024 * 1024;

/// The fields in front of the file.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A field by its name, which has no case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, CosError> {
        let missing = || CosError::invalid_argument(format!("The form must have a field named {name}."));
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    }
}

/// The parts of a form, in their order.
pub(super) struct Parts<'u>(Multipart<'u>);

impl<'u> Parts<'u> {
    pub(super) fn of(head: &Head, upload: &'u mut Upload) -> Result<Self, CosError> {
        let boundary = head.header("content-type").and_then(|kind| multer::parse_boundary(kind).ok());
        let boundary =
            boundary.ok_or_else(|| malformed("The Content-Type is not multipart/form-data with a boundary."))?;
        let frames = stream::unfold((upload, false), |(upload, again)| async move {
            if again {
                // The parser takes in whatever is ready. A pause behind each frame keeps that at one frame.
                tokio::task::yield_now().await;
            }
            let frame = upload.next().await.map_err(Broken).transpose()?;
            Some((frame, (upload, true)))
        });
        let whole = SizeLimit::new().whole_stream(LARGEST + 2 * LONGEST_FIELDS as u64);
        Ok(Self(Multipart::with_constraints(frames, boundary, Constraints::new().size_limit(whole))))
    }

    /// Reads the fields up to the file, which must be last.
    pub(super) async fn until_file(&mut self) -> Result<(Form, File<'u>), CosError> {
        let mut form = Form::default();
        let mut total = 0;
        while let Some(mut field) = self.0.next_field().await.map_err(|error| unreadable(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            if name.is_empty() {
                return Err(malformed("A part of the form has no name."));
            }
            if name.eq_ignore_ascii_case("file") {
                let name = field.file_name().unwrap_or_default().to_owned();
                return Ok((form, File { field, name }));
            }
            if form.get(&name).is_some() {
                return Err(malformed("A field of the form is given twice."));
            }
            let mut value = Vec::new();
            while let Some(bytes) = field.chunk().await.map_err(|error| unreadable(&error))? {
                total += bytes.len();
                if total > LONGEST_FIELDS {
                    return Err(malformed("The fields of the form are too long."));
                }
                value.extend_from_slice(&bytes);
            }
            let value = String::from_utf8(value).map_err(|_| malformed("A field of the form is not UTF-8."))?;
            form.0.push((name, value));
        }
        Err(files())
    }

    /// Makes sure that nothing follows the file.
    pub(super) async fn end(mut self) -> Result<(), CosError> {
        match self.0.next_field().await.map_err(|error| unreadable(&error))? {
            None => Ok(()),
            Some(field) if field.name().is_some_and(|name| name.eq_ignore_ascii_case("file")) => Err(files()),
            Some(_) => Err(malformed("The file must be the last field of the form.")),
        }
    }
}

/// The file on its way in.
pub(super) struct File<'u> {
    field: Field<'u>,
    /// What it is called where it comes from.
    pub(super) name: String,
}

impl File<'_> {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, CosError> {
        self.field.chunk().await.map_err(|error| unreadable(&error))
    }
}

/// A body that did not come whole, on its way through the parser.
#[derive(Debug)]
struct Broken(CosError);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Broken {}

fn unreadable(error: &multer::Error) -> CosError {
    match error {
        multer::Error::StreamReadFailed(source) => match source.downcast_ref() {
            Some(Broken(error)) => error.clone(),
            None => malformed("The form cannot be read."),
        },
        multer::Error::StreamSizeExceeded { .. } => CosError::entity_too_large(),
        error => malformed(&format!("The form cannot be read: {error}.")),
    }
}

fn malformed(message: &str) -> CosError {
    CosError::new(400, "MalformedPOSTRequest", message.to_owned())
}

fn files() -> CosError {
    let message = "POST requires exactly one file upload per request.";
    CosError::new(400, "IncorrectNumberOfFilesInPostRequest", message)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::StreamExt;
    use http::Request;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::address::Domains;
    use crate::journal::Entry;

    #[tokio::test]
    async fn no_more_is_taken_in_than_one_frame_ahead() {
        let request = Request::post("/").header("content-type", "multipart/form-data; boundary=b").body(()).unwrap();
        let head = Head::new(request.into_parts().0, &Domains::new(), |_| None);
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let mut frames = vec![Bytes::from("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n")];
        frames.resize(1000, Bytes::from(vec![b'x'; 1000]));
        frames.push(Bytes::from("\r\n--b--"));
        let body = StreamBody::new(stream::iter(frames).map(move |bytes| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Frame::data(bytes))
        }));
        let mut upload = Upload::new(body, None, Entry::default());
        let mut parts = Parts::of(&head, &mut upload).unwrap();
        let (_, mut file) = parts.until_file().await.unwrap();
        let mut total = 0;
        while let Some(bytes) = file.next().await.unwrap() {
            total += bytes.len();
            let ahead = taken.load(Ordering::Relaxed) - total / 1000;
            assert!(ahead <= 4, "{ahead} frames ahead");
        }
        assert_eq!(total, 999_000);
        drop(file);
        parts.end().await.unwrap();
    }
}
