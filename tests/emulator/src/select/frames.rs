//! The frames that results come in. All numbers are big-endian: the length of the frame, that of its headers, the CRC-32
//! of the two, headers, payload, the CRC-32 of all before it. The value of a header has the type 7, a string.

use crc::{CRC_32_ISO_HDLC, Crc};

const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
/// Of the lengths and both checksums.
const OVERHEAD: usize = 16;

pub(crate) fn records(payload: &[u8]) -> Vec<u8> {
    frame(&event("Records", Some("application/octet-stream")), payload)
}

pub(crate) fn continuation() -> Vec<u8> {
    frame(&event("Cont", None), b"")
}

/// `Progress` or `Stats`.
pub(crate) fn counts(kind: &'static str, document: &str) -> Vec<u8> {
    frame(&event(kind, Some("text/xml")), document.as_bytes())
}

pub(crate) fn end() -> Vec<u8> {
    frame(&event("End", None), b"")
}

pub(crate) fn error(code: &str, message: &str) -> Vec<u8> {
    frame(&[(":error-code", code), (":error-message", message), (":message-type", "error")], b"")
}

fn event<'t>(kind: &'t str, content_type: Option<&'t str>) -> Vec<(&'static str, &'t str)> {
    let mut headers = vec![(":message-type", "event"), (":event-type", kind)];
    headers.extend(content_type.map(|content_type| (":content-type", content_type)));
    headers
}

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        block.extend_from_slice(name.as_bytes());
        block.push(7);
        let value = &value.as_bytes()[..value.len().min(1024)];
        block.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        block.extend_from_slice(value);
    }
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = Vec::with_capacity(OVERHEAD + block.len() + payload.len());
    frame.extend_from_slice(&number(OVERHEAD + block.len() + payload.len()));
    frame.extend_from_slice(&number(block.len()));
    frame.extend_from_slice(&CRC32.checksum(&frame).to_be_bytes());
    frame.extend_from_slice(&block);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&CRC32.checksum(&frame).to_be_bytes());
    frame
}

/// Where each frame ends.
fn ends(frames: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while let Some(length) = frames.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        at += u32::from_be_bytes(*length) as usize;
        ends.push(at);
    }
    ends
}

/// Makes the checksum of this frame wrong.
pub(crate) fn spoil(frames: &[u8], number: usize) -> Option<Vec<u8>> {
    let end = *ends(frames).get(number)?;
    let mut spoilt = frames.to_vec();
    *spoilt.get_mut(end - 1)? ^= 1;
    Some(spoilt)
}

/// Puts an error after so many frames, in place of what comes then.
pub(crate) fn fail_after(frames: &[u8], count: usize, code: &str, message: &str) -> Vec<u8> {
    let kept = count.checked_sub(1).map_or(0, |last| ends(frames).get(last).copied().unwrap_or(frames.len()));
    [&frames[..kept], &error(code, message)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a service that has the same frames publishes it.
    #[test]
    fn an_empty_frame_is_sixteen_bytes() {
        assert_eq!(frame(&[], b""), [0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff]);
    }

    #[test]
    fn frames_are_found_again() {
        let all = [records(b"a\n"), continuation(), end()].concat();
        let ends = ends(&all);
        assert_eq!((ends.len(), ends[2]), (3, all.len()));
        let spoilt = spoil(&all, 0).unwrap();
        assert_eq!(spoilt.iter().zip(&all).filter(|(one, other)| one != other).count(), 1);
        assert_eq!(spoil(&all, 3), None);
        assert_eq!(fail_after(&all, 1, "C", "m"), [&all[..ends[0]], &error("C", "m")].concat());
        assert_eq!(fail_after(&all, 0, "C", "m"), error("C", "m"));
    }
}
