//! What is held of a stream until COS has it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;

use crate::body::{Body, ByteStream};
use crate::client::chunks::Pool;
use crate::crc64::Crc64;
use crate::error::Error;

/// A part of a stream, in memory.
#[derive(Clone, Default)]
pub(super) struct Chunks {
    chunks: Arc<[Bytes]>,
    length: u64,
}

impl Chunks {
    pub(super) fn new(filled: Vec<Vec<u8>>, pool: &Pool) -> Self {
        let length = filled.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks: filled.into_iter().map(|chunk| pool.lend(chunk)).collect(), length }
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

    #[test]
    fn a_body_is_the_same_each_time_it_is_opened() {
        let chunks = Chunks::new(vec![b"abc".to_vec(), b"de".to_vec()], &Pool::default());
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
