//! What the program gives and the client calls: readers, and sources of keys.

use std::io::{self, Read as _};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::Mutex;

use super::runtime::MayWait;
use crate::client::defaults::CHUNK;
use crate::client::provider::{self, ProvideCredentials};
use crate::error::BoxError;
use crate::transfer::UploadSource;
use crate::{ByteStream, Credentials, Error};

/// What can be read, to be uploaded: of a length that is known (`Some`) or not. It is read on a thread for blocking
/// work, where it may be another [`Object`](super::Object).
pub fn source(length: Option<u64>, reader: impl io::Read + Send + 'static) -> UploadSource {
    let pieces = stream::try_unfold(reader, |mut reader| async {
        let read = tokio::task::spawn_blocking(move || {
            let _waiting = MayWait::here();
            let mut piece = Vec::new();
            reader.by_ref().take(CHUNK as u64).read_to_end(&mut piece).map(|_| (piece, reader))
        });
        let (piece, reader) = read.await.map_err(io::Error::other)??;
        Ok::<_, Error>(if piece.is_empty() { None } else { Some((Bytes::from(piece), reader)) })
    });
    UploadSource::stream(ByteStream::new(length, pieces))
}

/// A source of keys from a closure that may wait for its answer, for
/// [`ClientBuilder::credentials`](crate::ClientBuilder::credentials). Any client takes it.
///
/// The closure runs on a thread for blocking work, never twice at once. A refresh waits 5 s for it and then fails; what
/// it gives later, the next one takes, without asking again. Its key and its errors are those of [`provider::from_fn`];
/// a panic is a failure that may pass.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{Client, SessionCredentials, blocking};
///
/// # fn ask_app_server() -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
/// # fn example() -> tencent_cos::Result<()> {
/// let keys = blocking::from_fn(|| SessionCredentials::from_json(&ask_app_server()?));
/// let client = blocking::Client::new(Client::builder().region("ap-guangzhou").credentials(keys))?;
/// # Ok(())
/// # }
/// ```
pub fn from_fn<F, C, E>(ask: F) -> impl ProvideCredentials + 'static
where
    F: Fn() -> Result<C, E> + Send + Sync + 'static,
    C: Into<Credentials>,
    E: Into<BoxError>,
{
    let ask = Arc::new(move || ask().map(Into::into).map_err(Into::into));
    // Who gave up waiting leaves the answer to the next.
    let under_way = Arc::new(Mutex::new(None));
    provider::from_fn(move || {
        let (ask, under_way) = (Arc::clone(&ask), Arc::clone(&under_way));
        async move {
            let mut under_way = under_way.lock().await;
            let asked = under_way.get_or_insert_with(|| {
                tokio::task::spawn_blocking(move || {
                    let _waiting = MayWait::here();
                    ask()
                })
            });
            let answer: Result<Result<Credentials, BoxError>, _> = asked.await;
            *under_way = None;
            answer?
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::client::provider::CredentialErrorKind;

    #[tokio::test]
    async fn a_late_answer_is_for_the_next_who_asks() {
        let asked = Arc::new(AtomicU32::new(0));
        let (answer, wait) = std::sync::mpsc::channel();
        let wait = std::sync::Mutex::new(wait);
        let count = Arc::clone(&asked);
        let provider = from_fn(move || {
            count.fetch_add(1, Ordering::Relaxed);
            wait.lock().unwrap().recv().map(|()| Credentials::anonymous())
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), provider.provide()).await.is_err());
        answer.send(()).unwrap();
        assert!(provider.provide().await.is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        drop(answer);
        let error = provider.provide().await.unwrap_err();
        assert_eq!((error.kind(), asked.load(Ordering::Relaxed)), (CredentialErrorKind::Transient, 2));
    }

    #[tokio::test]
    async fn a_closure_that_panics_is_asked_again() {
        let asked = AtomicU32::new(0);
        let provider = from_fn(move || match asked.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("as a wrapper's callback may"),
            _ => Ok::<_, Error>(Credentials::anonymous()),
        });
        assert_eq!(provider.provide().await.unwrap_err().kind(), CredentialErrorKind::Transient);
        assert!(provider.provide().await.is_ok());
    }
}
