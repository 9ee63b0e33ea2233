//! The frames that the results of a SELECT come in: bytes in, events out.
//!
//! All numbers are big-endian. A frame is its length, the length of its headers, the CRC-32 of these eight bytes, the
//! headers, a payload, and the CRC-32 of all before it. A header is a length of one byte, a name, the byte 7 (a
//! string), a length of two bytes, a value.

use bytes::{Buf as _, Bytes, BytesMut};
use crc_fast::{CrcAlgorithm, checksum};

use crate::error::{Error, ErrorKind, Result};

/// The longest frame. COS names no limit; its records have at most 1 MB each, and come several to a frame.
const MAX_FRAME: usize = 16 * 1024 * 1024;
/// The longest headers of a frame. COS sends three short ones.
const MAX_HEADERS: usize = 128 * 1024;
const PRELUDE: usize = 12;
const CRC: usize = 4;
const STRING: u8 = 7;

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Records(Bytes),
    /// Nothing: the connection is kept alive.
    Continuation,
    /// A document.
    Progress(Bytes),
    /// A document.
    Stats(Bytes),
    End,
    Error {
        code: String,
        message: String,
    },
}

/// Takes bytes as they come. It holds the bytes of one frame, and what came behind it in the same piece.
#[derive(Debug, Default)]
pub(super) struct Frames {
    held: BytesMut,
    /// The lengths of the frame that has begun, checked: of all of it, and of its headers.
    begun: Option<(usize, usize)>,
}

impl Frames {
    /// Takes more bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Whether it is between two frames.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The next event; `None` when bytes are missing.
    ///
    /// # Errors
    /// [`ErrorKind::Integrity`] for a wrong checksum, [`ErrorKind::Response`] for what is no frame of COS. Nothing that
    /// comes after it means anything.
    pub(super) fn next(&mut self) -> Result<Option<Event>> {
        let (total, headers) = match self.begun {
            Some(lengths) => lengths,
            None => match self.held.first_chunk::<PRELUDE>() {
                None => return Ok(None),
                Some(prelude) => *self.begun.insert(lengths(prelude)?),
            },
        };
        if self.held.len() < total {
            return Ok(None);
        }
        self.begun = None;
        let mut frame = self.held.split_to(total).freeze();
        let mut end = frame.split_off(total - CRC);
        check(&frame, end.get_u32(), "a frame")?;
        frame.advance(PRELUDE);
        let told = Told::read(frame.split_to(headers))?;
        told.event(frame).map(Some)
    }
}

fn lengths(prelude: &[u8; PRELUDE]) -> Result<(usize, usize)> {
    let mut numbers = &prelude[..];
    let (total, headers, crc) = (numbers.get_u32(), numbers.get_u32(), numbers.get_u32());
    check(&prelude[..PRELUDE - CRC], crc, "the lengths of a frame")?;
    let (total, headers) = (total as usize, headers as usize);
    if headers > MAX_HEADERS || total > MAX_FRAME {
        let limit = "a frame is longer than 16 MiB, or its headers than 128 KiB";
        return Err(Error::new(ErrorKind::Response, limit));
    }
    if total < PRELUDE + headers + CRC {
        return Err(strange("a frame is shorter than its headers"));
    }
    Ok((total, headers))
}

fn check(bytes: &[u8], expected: u32, of: &'static str) -> Result<()> {
    if checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) == u64::from(expected) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Integrity, format!("{of} has another CRC-32 than it says")).retryable(true))
}

fn strange(what: &'static str) -> Error {
    Error::new(ErrorKind::Response, what)
}

/// The headers that mean something.
#[derive(Default)]
struct Told {
    message: Option<String>,
    event: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

impl Told {
    fn read(mut headers: Bytes) -> Result<Self> {
        let mut told = Self::default();
        while !headers.is_empty() {
            let (name, value) = header(&mut headers).ok_or_else(|| strange("a frame has a broken header"))?;
            let place = match &name[..] {
                b":message-type" => &mut told.message,
                b":event-type" => &mut told.event,
                b":error-code" => &mut told.code,
                b":error-message" => &mut told.error,
                _ => continue,
            };
            // Each is there once only, says the reference.
            if place.replace(String::from_utf8_lossy(&value).into_owned()).is_some() {
                return Err(strange("a frame has a header twice"));
            }
        }
        Ok(told)
    }

    fn event(self, payload: Bytes) -> Result<Event> {
        match (self.message.as_deref(), self.event.as_deref()) {
            (Some("error"), _) => {
                Ok(Event::Error { code: self.code.unwrap_or_default(), message: self.error.unwrap_or_default() })
            }
            (Some("event"), Some("Records")) => Ok(Event::Records(payload)),
            (Some("event"), Some("Cont")) => Ok(Event::Continuation),
            (Some("event"), Some("Progress")) => Ok(Event::Progress(payload)),
            (Some("event"), Some("Stats")) => Ok(Event::Stats(payload)),
            (Some("event"), Some("End")) => Ok(Event::End),
            // It may be records, of a new kind.
            _ => Err(strange("a frame is none of those that the reference names")),
        }
    }
}

fn header(headers: &mut Bytes) -> Option<(Bytes, Bytes)> {
    let length = headers.try_get_u8().ok()?.into();
    let name = take(headers, length)?;
    if headers.try_get_u8().ok()? != STRING {
        return None;
    }
    let length = headers.try_get_u16().ok()?.into();
    Some((name, take(headers, length)?))
}

fn take(bytes: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

/// Frames for tests, written by the reference.
#[cfg(test)]
pub(super) mod written {
    use super::*;

    fn crc(bytes: &[u8]) -> [u8; 4] {
        u32::try_from(checksum(CrcAlgorithm::Crc32IsoHdlc, bytes)).unwrap().to_be_bytes()
    }

    pub(in super::super) fn raw(headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let total = u32::try_from(headers.len() + payload.len() + 16).unwrap();
        let mut frame = [total.to_be_bytes(), u32::try_from(headers.len()).unwrap().to_be_bytes()].concat();
        frame.extend(crc(&frame));
        frame.extend(headers.iter().chain(payload));
        frame.extend(crc(&frame));
        frame
    }

    pub(in super::super) fn headers(pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, value) in pairs {
            bytes.push(u8::try_from(name.len()).unwrap());
            bytes.extend(name.as_bytes());
            bytes.push(STRING);
            bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            bytes.extend(value.as_bytes());
        }
        bytes
    }

    pub(in super::super) fn event(kind: &str, payload: &[u8]) -> Vec<u8> {
        raw(&headers(&[(":event-type", kind), (":content-type", "x"), (":message-type", "event")]), payload)
    }

    pub(in super::super) fn error(code: &str, message: &str) -> Vec<u8> {
        let error = [(":error-code", code), (":error-message", message), (":message-type", "error")];
        raw(&headers(&error), b"")
    }
}

#[cfg(test)]
mod tests {
    use super::written::{error, event, headers, raw};
    use super::*;

    fn all(frames: &mut Frames) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(event) = frames.next()? {
            events.push(event);
        }
        Ok(events)
    }

    fn decode(bytes: &[u8]) -> Result<Vec<Event>> {
        let mut frames = Frames::default();
        frames.feed(bytes);
        all(&mut frames)
    }

    fn stream() -> Vec<u8> {
        let frames = [
            event("Records", b"a,b\n"),
            event("Cont", b""),
            event("Progress", b"<Progress/>"),
            event("Records", b""),
            event("Stats", b"<Stats/>"),
            event("End", b""),
        ];
        frames.concat()
    }

    fn events() -> Vec<Event> {
        vec![
            Event::Records(Bytes::from_static(b"a,b\n")),
            Event::Continuation,
            Event::Progress(Bytes::from_static(b"<Progress/>")),
            Event::Records(Bytes::new()),
            Event::Stats(Bytes::from_static(b"<Stats/>")),
            Event::End,
        ]
    }

    /// The example of the event stream encoding that others publish: an empty frame, and one with a payload.
    #[test]
    fn frames_are_those_that_others_write() {
        let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(raw(b"", b""), empty);
        assert_eq!(decode(&empty).unwrap_err().kind(), ErrorKind::Response);
    }

    #[test]
    fn events_are_the_same_in_pieces_of_any_size() {
        let bytes = stream();
        for size in [1, 2, 3, 7, 11, 16, 64, bytes.len()] {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for piece in bytes.chunks(size) {
                frames.feed(piece);
                found.extend(all(&mut frames).unwrap());
            }
            assert_eq!((found, frames.is_empty()), (events(), true), "{size}");
        }
    }

    #[test]
    fn what_is_cut_anywhere_gives_whole_frames_only() {
        let bytes = stream();
        for at in 0..bytes.len() {
            let mut frames = Frames::default();
            frames.feed(&bytes[..at]);
            let found = all(&mut frames).unwrap();
            assert!(found.len() < 6 && events().starts_with(&found), "{at}");
        }
    }

    #[test]
    fn a_bit_that_flips_anywhere_is_found() {
        let frame = event("Records", b"a,b\n");
        for at in 0..frame.len() {
            for bit in 0..8 {
                let mut bytes = frame.clone();
                bytes[at] ^= 1 << bit;
                let error = decode(&bytes).unwrap_err();
                assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Integrity, true), "{at} {bit}");
            }
        }
    }

    #[test]
    fn an_error_has_its_code_and_message() {
        let found = decode(&error("CSVParsingError", "Encountered an error.")).unwrap();
        let (code, message) = ("CSVParsingError".to_owned(), "Encountered an error.".to_owned());
        assert_eq!(found, [Event::Error { code, message }]);
        assert!(matches!(&decode(&raw(&headers(&[(":message-type", "error")]), b"")).unwrap()[..],
            [Event::Error { code, .. }] if code.is_empty()));
    }

    /// By its first 12 bytes, before there is memory for it.
    #[test]
    fn giant_and_impossible_lengths_are_refused_at_once() {
        let prelude = |total: u32, headers: u32| {
            let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            let crc = u32::try_from(checksum(CrcAlgorithm::Crc32IsoHdlc, &bytes)).unwrap();
            bytes.extend(crc.to_be_bytes());
            bytes
        };
        let (longest, most) = (u32::try_from(MAX_FRAME).unwrap(), u32::try_from(MAX_HEADERS).unwrap());
        for (total, headers) in [
            (u32::MAX, 0),
            (u32::MAX, u32::MAX),
            (100, u32::MAX),
            (longest + 1, 0),
            (longest, most + 1),
            (0, 0),
            (15, 0),
            (20, 5),
        ] {
            assert_eq!(decode(&prelude(total, headers)).unwrap_err().kind(), ErrorKind::Response, "{total} {headers}");
        }
        assert_eq!(decode(&prelude(longest, most)).unwrap(), []);
    }

    #[test]
    fn what_is_no_frame_of_cos_is_an_error() {
        let told = |pairs: &[(&str, &str)]| raw(&headers(pairs), b"x");
        let mut other_type = headers(&[(":message-type", "event"), (":event-type", "Records")]);
        other_type[14] = 6;
        let whole = headers(&[(":message-type", "event"), (":event-type", "End")]);
        let mut strange = vec![
            told(&[]),
            told(&[(":message-type", "event")]),
            told(&[(":event-type", "Records")]),
            told(&[(":message-type", "other"), (":event-type", "Records")]),
            told(&[(":message-type", "event"), (":event-type", "New")]),
            told(&[(":message-type", "event"), (":event-type", "Cont"), (":event-type", "Records")]),
            raw(&other_type, b"x"),
        ];
        // Up to where the second header begins.
        strange.extend((0..whole.len()).map(|at| raw(&whole[..at], b"")));
        for bytes in strange {
            assert_eq!(decode(&bytes).unwrap_err().kind(), ErrorKind::Response, "{bytes:?}");
        }
    }
}
