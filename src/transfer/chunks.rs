//! What is held of a stream until COS has it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;

use crate::body::{Body, ByteStream};
use crate::client::chunks::Chunk;
use crate::crc64::Crc64;
use crate::error::Error;

/// A part of a stream, in memory.
#[derive(Clone, Default)]
pub(super) struct Chunks {
    chunks: Arc<[Bytes]>,
    length: u64,
}

impl Chunks {
    pub(super) fn new(filled: Vec<Chunk>) -> Self {
        let length = filled.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks: filled.into_iter().map(Chunk::freeze).collect(), length }
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn crc64(&self) -> u64 {
        let mut crc64 = Crc64::new();
        self.chunks.iter().for_each(|chunk| crc64.update(chunk));
        crc64.value()
    }

    pub(super) fn body(&self) -> Body {
        if self.is_empty() {
            return Body::empty();
        }
        let (chunks, length) = (Arc::clone(&self.chunks), self.length);
        let at = move |index: usize| chunks.get(index).cloned().map(Ok::<_, Error>);
        let open = move || {
            let at = at.clone();
            ByteStream::new(Some(length), stream::iter((0..).map_while(at)))
        };
        Body::factory(length, open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::chunks::Pool;

    #[test]
    fn a_body_is_the_same_each_time_it_is_opened() {
        let filled = ["abc", "de"].map(|text| {
            let mut chunk = Pool::default().take(text.len());
            chunk.extend_from_slice(text.as_bytes());
            chunk
        });
        let chunks = Chunks::new(filled.into());
        assert_eq!((chunks.len(), chunks.crc64()), (5, Crc64::of(b"abcde")));
        let body = chunks.body();
        for _ in 0..2 {
            let stream = body.open_stream().unwrap();
            let bytes = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(stream.bytes(10));
            assert_eq!(bytes.unwrap(), "abcde");
        }
        assert_eq!(Chunks::default().body().len(), 0);
    }
}
