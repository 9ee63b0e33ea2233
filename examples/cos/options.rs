//! How a transfer is to be done.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use tencent_cos::TrafficLimit;
use tencent_cos::transfer::{CopyDirectory, Download, DownloadDirectory, LargeCopy, Upload, UploadDirectory};

use crate::amount::Bytes;
use crate::attributes::Given;
use crate::failure::{Failure, Outcome};

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Transfer options")]
pub struct Options {
    /// Size of the parts of a large object, 1MiB to 5GiB; more where 10 000 parts would not be enough
    #[arg(long, value_name = "SIZE", value_parser = part_size)]
    part_size: Option<Bytes>,
    /// How many parts are under way at once, of each file
    #[arg(long, value_name = "N")]
    concurrency: Option<NonZeroUsize>,
    /// Remember in this directory what of large files is done, and go on from there when run again
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Bits a second of each request, 819200 to 838860800
    #[arg(long, value_name = "BITS", value_parser = limit)]
    traffic_limit: Option<TrafficLimit>,
    #[command(flatten)]
    given: Given,
}

fn part_size(text: &str) -> Result<Bytes, String> {
    let Bytes(size) = text.parse()?;
    if (1 << 20..=5 << 30).contains(&size) { Ok(Bytes(size)) } else { Err("is not from 1MiB to 5GiB".to_owned()) }
}

fn limit(text: &str) -> Result<TrafficLimit, String> {
    let bits = text.parse().map_err(|_| "is not a number of bits a second".to_owned())?;
    TrafficLimit::bits_per_second(bits).map_err(|error| error.to_string())
}

impl Options {
    /// Refuses what cannot be, or has no meaning for this destination.
    pub fn check(&self, writes_objects: bool) -> Outcome {
        self.given.check(writes_objects)
    }

    pub fn upload(&self, upload: Upload) -> Upload {
        let mut upload = self.given.upload(upload);
        if let Some(Bytes(size)) = self.part_size {
            upload = upload.part_size(size);
        }
        if let Some(parts) = self.concurrency {
            upload = upload.concurrency(parts.get());
        }
        match self.traffic_limit {
            Some(limit) => upload.traffic_limit(limit),
            None => upload,
        }
    }

    pub fn download(&self, mut download: Download) -> Download {
        if let Some(Bytes(size)) = self.part_size {
            download = download.part_size(size);
        }
        if let Some(ranges) = self.concurrency {
            download = download.concurrency(ranges.get());
        }
        match self.traffic_limit {
            Some(limit) => download.traffic_limit(limit),
            None => download,
        }
    }

    /// COS moves the bytes: no traffic limit of ours.
    pub fn copy(&self, copy: LargeCopy) -> LargeCopy {
        let mut copy = self.given.copy(copy);
        if let Some(Bytes(size)) = self.part_size {
            copy = copy.part_size(size);
        }
        match self.concurrency {
            Some(parts) => copy.concurrency(parts.get()),
            None => copy,
        }
    }

    /// The same for each file of a tree.
    pub fn upload_directory(&self, job: UploadDirectory) -> UploadDirectory {
        let options = self.clone();
        let job = job.each(move |_, upload| options.upload(upload));
        match &self.checkpoint {
            Some(directory) => job.checkpoint(directory),
            None => job,
        }
    }

    pub fn download_directory(&self, job: DownloadDirectory) -> DownloadDirectory {
        let options = self.clone();
        let job = job.each(move |_, download| options.download(download));
        match &self.checkpoint {
            Some(directory) => job.checkpoint(directory),
            None => job,
        }
    }

    pub fn copy_directory(&self, job: CopyDirectory) -> CopyDirectory {
        let options = self.clone();
        job.each(move |_, copy| options.copy(copy))
    }

    /// A transfer that was interrupted says how to go on.
    pub fn hint<T>(&self, outcome: Outcome<T>) -> Outcome<T> {
        outcome.map_err(|failure| match (failure, &self.checkpoint) {
            (Failure::Interrupted { .. }, Some(directory)) => {
                let directory = directory.display();
                let hint = format!("what is done is remembered in {directory}: run the same command again to go on");
                Failure::Interrupted { hint: Some(hint) }
            }
            (Failure::Interrupted { hint: None }, None) => {
                let hint = "with --checkpoint DIR the same command would go on where it ended".to_owned();
                Failure::Interrupted { hint: Some(hint) }
            }
            (failure, _) => failure,
        })
    }
}
