//! Parts under way: so many at once, each in a task that ends when its transfer does.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinError, JoinSet};

use crate::client::trace::Span;
use crate::crc64::Crc64;
use crate::error::Result;
use crate::multipart::{CompletedPart, PartSummary};
use crate::transfer::disk::joined_badly;
use crate::transfer::handle::Control;
use crate::transfer::plan::{Part, Plan};

/// A part that COS has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) number: u32,
    pub(super) length: u64,
    pub(super) etag: String,
    /// Of the bytes that were sent; of a copied part, what COS says.
    pub(super) crc64: Option<u64>,
}

impl Stored {
    /// Whether COS still has it, by a list in the order of the numbers.
    pub(super) fn is_among(&self, there: &[PartSummary]) -> bool {
        let found = there.binary_search_by_key(&self.number, |found| found.part_number);
        found.is_ok_and(|at| there[at].size == self.length && there[at].etag == self.etag)
    }
}

impl From<&Stored> for CompletedPart {
    fn from(part: &Stored) -> Self {
        Self::new(part.number, part.etag.clone())
    }
}

/// The CRC-64 of parts laid end to end, if it is known of each.
pub(super) fn combined(parts: &[Stored]) -> Option<u64> {
    parts.iter().try_fold(0, |whole, part| Some(Crc64::combine(whole, part.crc64?, part.length)))
}

/// Runs these parts, so many at once, until all are stored or one fails; then nothing of them is under way any more.
pub(super) async fn run<F>(
    control: &Control,
    places: usize,
    plan: Plan,
    numbers: &[u32],
    send: impl Fn(Part) -> F + Send + Sync,
) -> Result<Vec<Stored>>
where
    F: Future<Output = Result<Stored>> + Send + 'static,
{
    let mut crew = Crew::new(places);
    let work = async {
        for &number in numbers {
            crew.room().await?;
            crew.meanwhile(control.ready()).await?;
            let part = plan.part(number);
            crew.begin(part, send(part));
        }
        crew.rest().await
    };
    let outcome = control.unless_cancelled(work).await;
    crew.ended(outcome).await
}

/// The tasks of a transfer, one for each part. Dropping it stops them.
pub(super) struct Crew<T> {
    tasks: JoinSet<Result<T>>,
    places: usize,
    done: Vec<T>,
}

impl<T: Send + 'static> Crew<T> {
    pub(super) fn new(places: usize) -> Self {
        Self { tasks: JoinSet::new(), places, done: Vec::new() }
    }

    /// Begins a part; [`room`](Self::room) says when.
    pub(super) fn begin(&mut self, part: Part, work: impl Future<Output = Result<T>> + Send + 'static) {
        let Part { number, offset, length } = part;
        self.tasks.spawn(Span::part(number.into(), offset, length).around(work));
    }

    /// Waits until one more part may begin.
    ///
    /// # Errors
    /// That of the first part that failed.
    pub(super) async fn room(&mut self) -> Result<()> {
        while self.tasks.len() >= self.places {
            let Some(joined) = self.tasks.join_next().await else { break };
            self.note(joined)?;
        }
        Ok(())
    }

    /// Waits for something else, but no longer than until a part fails.
    pub(super) async fn meanwhile<U>(&mut self, other: impl Future<Output = Result<U>>) -> Result<U> {
        let mut other = pin!(other);
        while !self.tasks.is_empty() {
            let joined = match select(other.as_mut(), pin!(self.tasks.join_next())).await {
                Either::Left((outcome, _)) => return outcome,
                Either::Right((joined, _)) => joined,
            };
            joined.map_or(Ok(()), |joined| self.note(joined))?;
        }
        other.await
    }

    /// Waits for all of them.
    ///
    /// # Errors
    /// That of the first part that failed.
    pub(super) async fn rest(&mut self) -> Result<()> {
        while let Some(joined) = self.tasks.join_next().await {
            self.note(joined)?;
        }
        Ok(())
    }

    /// What they gave, in the order in which they ended. Of a crew that failed nothing is under way any more.
    pub(super) async fn ended(mut self, outcome: Result<()>) -> Result<Vec<T>> {
        if outcome.is_err() {
            self.tasks.shutdown().await;
        }
        outcome.map(|()| self.done)
    }

    fn note(&mut self, joined: Result<Result<T>, JoinError>) -> Result<()> {
        self.done.push(joined.map_err(joined_badly)??);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    const PART: Part = Part { number: 1, offset: 0, length: 1 };

    fn part(number: u32, bytes: &[u8]) -> Stored {
        Stored { number, length: bytes.len() as u64, etag: format!("\"{number}\""), crc64: Some(Crc64::of(bytes)) }
    }

    #[test]
    fn checksums_combine_when_all_are_known() {
        let mut parts = vec![part(1, b"hello "), part(2, b"world")];
        assert_eq!(combined(&parts), Some(Crc64::of(b"hello world")));
        parts[0].crc64 = None;
        assert_eq!(combined(&parts), None);
    }

    #[tokio::test]
    async fn no_more_than_there_are_places_run_and_the_first_failure_ends_every_wait() {
        let mut crew = Crew::new(2);
        for number in 1..=3 {
            crew.room().await.unwrap();
            assert!(crew.tasks.len() < 2);
            crew.begin(PART, async move { Ok(number) });
        }
        crew.rest().await.unwrap();
        crew.begin(PART, std::future::pending());
        crew.begin(PART, async { Err(Error::new(ErrorKind::Io, "no")) });
        let outcome = crew.meanwhile(std::future::pending::<Result<()>>()).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(crew.ended(Ok(())).await.unwrap(), [1, 2, 3]);
    }
}
