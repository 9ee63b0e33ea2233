//! To a file: ranges written where they belong, several at once.

use std::path::Path;
use std::sync::Arc;

use crate::body::ByteStream;
use crate::client::Bucket;
use crate::client::defaults::{DOWNLOAD_PIECE, PART_SIZE};
use crate::client::memory::{Held, Memory};
use crate::client::trace;
use crate::crc64::Crc64;
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::disk::{blocking, io_error, when_let_go};
use crate::transfer::download::checkpoint::{Found, Journal, Record, What};
use crate::transfer::download::destination::{Destination, Target};
use crate::transfer::download::layout::Layout;
use crate::transfer::download::pinned::{Begun, Pinned};
use crate::transfer::download::verify::{compare, fits};
use crate::transfer::download::writer::{Pen, Writer};
use crate::transfer::download::{Download, DownloadOutput, DownloadToPath};
use crate::transfer::handle::Control;
use crate::transfer::parts::Crew;
use crate::transfer::plan::Part;
use crate::transfer::progress::PartMeter;

pub(super) async fn run(job: DownloadToPath, bucket: &Bucket, control: &Control) -> Result<DownloadOutput> {
    job.download.check()?;
    control.ready().await?;
    // In a box: its state is large.
    match Box::pin(attempt(&job, bucket, control)).await {
        // What was read wrong may be read right.
        Err(error) if error.kind() == ErrorKind::Integrity && error.is_retryable() => {
            trace::event("begun anew");
            control.begin_again();
            Box::pin(attempt(&job, bucket, control)).await
        }
        outcome => outcome,
    }
}

async fn attempt(job: &DownloadToPath, bucket: &Bucket, control: &Control) -> Result<DownloadOutput> {
    let DownloadToPath { download, target, checkpoint } = job;
    // Before there is a connection: others may have to wait for that until they give memory back.
    let memory = async { Ok(bucket.client().memory().hold(BESIDE_A_RANGE).await) };
    let held = control.unless_cancelled(memory).await?;
    // A file is made, and gets its name, on another thread. Who cancels waits for that, or it could stay behind when
    // the program ends then.
    let work = if let Some(directory) = checkpoint {
        control.unless_cancelled(Work::resumable(download, target, directory, bucket)).await?
    } else {
        // What cannot be written is not asked for.
        let destination = when_let_go(|| target.open()).await?;
        control.unless_cancelled(Work::new(download, destination, bucket)).await?
    };
    fetch(download, work, held, bucket, control).await?.finish().await
}

/// A file that is whole, under the name it has so far.
struct Fetched {
    output: DownloadOutput,
    destination: Destination,
    journal: Option<Journal>,
}

impl Fetched {
    async fn finish(self) -> Result<DownloadOutput> {
        let named = self.destination.finish().await?;
        if let Some(journal) = self.journal {
            journal.remove().await?;
        }
        named.sync().await?;
        Ok(self.output)
    }
}

async fn fetch(download: &Download, work: Work, held: Held, bucket: &Bucket, control: &Control) -> Result<Fetched> {
    let Work { begun, layout, index, mut done, destination, journal } = work;
    let integrity = match download.integrity(&begun) {
        Ok(integrity) => integrity,
        Err(error) => return Err(come_to_nothing(journal, destination, error).await),
    };
    control.set_total(Some(layout.length()), u32::try_from(layout.count()).ok());
    let Begun { pinned, meta, body, .. } = begun;
    let pen = Arc::new(Pen::new(destination.file(), destination.path()));
    let ranges = Arc::new(Ranges { pinned, layout: layout.clone(), pen, journal: journal.clone() });
    let memory = bucket.client().memory();
    let outcome = ranges.fetch((index, body, held), &mut done, download.concurrency, memory, control).await;
    let outcome = outcome.and_then(|()| compare(combined(&layout, &done), integrity));
    if let Err(error) = outcome {
        // With this object it would come to nothing in every further run.
        let hopeless = matches!(error.kind(), ErrorKind::Changed | ErrorKind::Integrity);
        return Err(if hopeless { come_to_nothing(journal, destination, error).await } else { error });
    }
    let output = DownloadOutput { meta, bytes: layout.length(), integrity };
    Ok(Fetched { output, destination, journal })
}

/// Leaves nothing of it. Gives the error back, or the one that this failed with.
async fn come_to_nothing(journal: Option<Journal>, destination: Destination, error: Error) -> Error {
    let Some(journal) = journal else { return error };
    let removed = async {
        journal.remove().await?;
        destination.discard().await
    };
    removed.await.err().unwrap_or(error)
}

/// What is to be done, and what is done already.
struct Work {
    begun: Begun,
    layout: Layout,
    /// The range that the first answer brings.
    index: usize,
    /// The CRC-64 of ranges that are on disk.
    done: Vec<Option<u64>>,
    destination: Destination,
    journal: Option<Journal>,
}

impl Work {
    async fn new(download: &Download, destination: Destination, bucket: &Bucket) -> Result<Self> {
        let begun = download.begin_file(bucket).await?;
        let first = begun.first.end - begun.first.start;
        let layout = Layout::new(begun.span.clone(), first, download.part_size, download.concurrency);
        destination.reserve(layout.length()).await?;
        let done = vec![None; layout.count()];
        Ok(Self { begun, layout, index: 0, done, destination, journal: None })
    }

    async fn resumable(download: &Download, target: &Target, directory: &Path, bucket: &Bucket) -> Result<Self> {
        let what = What::new(bucket, download, target)?;
        if let Some(found) = what.take_up(directory, target).await?
            && let Some(work) = Self::go_on(found, download, bucket).await?
        {
            return Ok(work);
        }
        let begun = download.begin_file(bucket).await?;
        let first = begun.first.end - begun.first.start;
        let size = download.part_size.unwrap_or(PART_SIZE);
        let layout = Layout::new(begun.span.clone(), first, Some(size), download.concurrency);
        let (journal, destination) = what.remember(directory, &begun, layout.clone(), target).await?;
        if let Err(error) = destination.reserve(layout.length()).await {
            journal.remove().await?;
            destination.discard().await?;
            return Err(error);
        }
        let done = vec![None; layout.count()];
        Ok(Self { begun, layout, index: 0, done, destination, journal: Some(journal) })
    }

    /// Goes on with what an earlier run left; `None` when COS has another object by now, or another is wanted.
    async fn go_on(found: Found, download: &Download, bucket: &Bucket) -> Result<Option<Self>> {
        let Found { journal, head, destination, mut done } = found;
        // Where all is there, one range is asked for all the same: it tells what the object is now.
        let index = done.iter().position(Option::is_none).unwrap_or(0);
        done[index] = None;
        if download.conditions.wants(&head.etag) {
            let conditions = download.conditions.clone().if_match(&head.etag);
            match download.begin(bucket, head.layout.range(index), &conditions).await {
                Ok(begun) => {
                    let same = begun.pinned.etag == head.etag
                        && begun.pinned.total == head.total
                        && begun.first == head.layout.range(index)
                        && begun.span.end - begun.span.start == head.layout.length();
                    if same {
                        let journal = Some(journal);
                        return Ok(Some(Self { begun, layout: head.layout, index, done, destination, journal }));
                    }
                }
                Err(error) if matches!(error.status(), Some(412 | 416)) => {}
                Err(error) if error.is_not_found() => {
                    return Err(come_to_nothing(Some(journal), destination, error).await);
                }
                Err(error) => return Err(error),
            }
        }
        journal.remove().await?;
        destination.discard().await?;
        Ok(None)
    }
}

impl Download {
    async fn begin_file(&self, bucket: &Bucket) -> Result<Begun> {
        let start = self.range.map_or(0, |range| range.first());
        let wanted = start..start.saturating_add(self.part_size.unwrap_or(PART_SIZE));
        self.begin(bucket, wanted, &self.conditions).await
    }
}

/// What a range takes of the client's memory on its way to the file.
const BESIDE_A_RANGE: u64 = 3 * DOWNLOAD_PIECE as u64;

/// The ranges of a download, each fetched in a task.
struct Ranges {
    pinned: Pinned,
    layout: Layout,
    pen: Arc<Pen>,
    journal: Option<Journal>,
}

impl Ranges {
    /// Fetches all that are not done, until one fails; then nothing of them is under way any more.
    async fn fetch(
        self: &Arc<Self>,
        (first, body, held): (usize, ByteStream, Held),
        done: &mut [Option<u64>],
        places: usize,
        memory: &Memory,
        control: &Control,
    ) -> Result<()> {
        let mut missing = Vec::new();
        for (index, done) in done.iter().enumerate() {
            let place = self.layout.place(index);
            match done {
                Some(_) => control.meter().was_done(place.end - place.start),
                None if index != first => missing.push(index),
                None => {}
            }
        }
        trace::resumed(done.iter().flatten().count());
        let mut crew = Crew::new(places);
        let work = async {
            if !done.is_empty() {
                self.begin(&mut crew, first, Some(body), control.meter(), held);
            }
            for index in missing {
                crew.room().await?;
                let turn = async {
                    control.ready().await?;
                    Ok(memory.hold(BESIDE_A_RANGE).await)
                };
                let held = crew.meanwhile(turn).await?;
                self.begin(&mut crew, index, None, control.meter(), held);
            }
            crew.rest().await
        };
        let outcome = control.unless_cancelled(work).await;
        for (index, crc64) in crew.ended(outcome).await? {
            done[index] = Some(crc64);
        }
        Ok(())
    }

    fn begin(
        self: &Arc<Self>,
        crew: &mut Crew<(usize, u64)>,
        index: usize,
        body: Option<ByteStream>,
        meter: PartMeter,
        held: Held,
    ) {
        let (range, number) = (self.layout.range(index), u32::try_from(index + 1).expect("at most 10 001"));
        let part = Part { number, offset: range.start, length: range.end - range.start };
        crew.begin(part, Arc::clone(self).range(index, body, meter, held));
    }

    /// Fetches one range: its index and its CRC-64.
    async fn range(
        self: Arc<Self>,
        index: usize,
        body: Option<ByteStream>,
        meter: PartMeter,
        _held: Held,
    ) -> Result<(usize, u64)> {
        let place = self.layout.place(index);
        let length = place.end - place.start;
        let mut body = match body {
            Some(body) => body,
            None => self.pinned.open(&self.layout.range(index)).await?,
        };
        let mut writer = Writer::new(&self.pen, place.start);
        let mut received = 0;
        while let Some(piece) = body.next().await.transpose()? {
            received += piece.len() as u64;
            fits(received, length)?;
            writer.write(piece).await?;
            meter.set(received);
        }
        if received < length {
            return Err(Error::ended_early(length - received));
        }
        let crc64 = writer.end().await?;
        if let Some(journal) = &self.journal {
            let pen = Arc::clone(&self.pen);
            blocking(move || pen.file().sync_data().map_err(|error| io_error("writing", pen.path(), error))).await?;
            journal.record(Record { index, crc64 }).await?;
        }
        meter.done(length);
        Ok((index, crc64))
    }
}

fn combined(layout: &Layout, done: &[Option<u64>]) -> u64 {
    done.iter().enumerate().fold(0, |whole, (index, crc64)| {
        let place = layout.place(index);
        Crc64::combine(whole, crc64.unwrap_or_default(), place.end - place.start)
    })
}
