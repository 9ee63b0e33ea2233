//! Files in parallel, and the books of what became of each.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::task::{JoinError, JoinSet};

use crate::client::provider::BoxFuture;
use crate::client::trace::Span;
use crate::client::{Bucket, defaults};
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::Job;
use crate::transfer::directory::Compare;
use crate::transfer::directory::merge::Entry;
use crate::transfer::directory::outlook::Outlook;
use crate::transfer::directory::report::{
    DirectoryFailure, DirectoryFile, DirectoryReport, FileStep, Filter, Listener,
};
use crate::transfer::disk::joined_badly;
use crate::transfer::handle::Control;

/// What both directions have in common.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools)] // each is an option of its own
pub(super) struct Settings {
    pub(super) sync: Option<Compare>,
    pub(super) delete_extraneous: bool,
    pub(super) dry_run: bool,
    pub(super) count_ahead: bool,
    pub(super) stop_on_failure: bool,
    pub(super) failure_limit: usize,
    pub(super) concurrency: usize,
    pub(super) filter: Option<Filter>,
    pub(super) listener: Option<Listener>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sync: None,
            delete_extraneous: false,
            dry_run: false,
            count_ahead: false,
            stop_on_failure: false,
            failure_limit: defaults::FAILURES,
            concurrency: defaults::FILES_AT_ONCE,
            filter: None,
            listener: None,
        }
    }
}

impl Settings {
    /// # Errors
    /// [`ErrorKind::Input`] when the options do not fit each other.
    pub(super) fn check(&self, prefix: &str) -> Result<()> {
        if !(1..=defaults::MAX_FILES_AT_ONCE).contains(&self.concurrency) {
            return Err(Error::input("concurrency", "is not from 1 to 256"));
        }
        if self.delete_extraneous && self.sync.is_none() {
            return Err(Error::input("delete_extraneous", "needs a sync"));
        }
        if self.sync.is_some() && !prefix.is_empty() && !prefix.ends_with('/') {
            // Else what only begins alike would be taken for a part of the directory.
            return Err(Error::input("prefix", "of a sync is neither empty nor ends in a slash"));
        }
        Ok(())
    }
}

/// The options that every directory has, with what each says of three of them.
macro_rules! directory_options {
    ($(#[$delete:meta])* delete_extraneous $(#[$filter:meta])* filter $(#[$count:meta])* count_ahead) => {
        /// Transfers only what differs between the two sides. The prefix must be empty or end in `/`.
        pub fn sync(mut self, compare: Compare) -> Self {
            self.settings.sync = Some(compare);
            self
        }

        $(#[$delete])*
        pub fn delete_extraneous(mut self) -> Self {
            self.settings.delete_extraneous = true;
            self
        }

        $(#[$filter])*
        pub fn filter(mut self, filter: impl Fn(&DirectoryFile) -> bool + Send + Sync + 'static) -> Self {
            self.settings.filter = Some(Arc::new(filter));
            self
        }

        $(#[$count])*
        pub fn count_ahead(mut self) -> Self {
            self.settings.count_ahead = true;
            self
        }

        /// Changes nothing: reports what would be done, to [`on_file`](Self::on_file) and in the report.
        pub fn dry_run(mut self) -> Self {
            self.settings.dry_run = true;
            self
        }

        /// Calls this at each step of each file. It must be quick and must not block.
        pub fn on_file(mut self, listener: impl Fn(&DirectoryFile, FileStep<'_>) + Send + Sync + 'static) -> Self {
            self.settings.listener = Some(Arc::new(listener));
            self
        }

        /// How many files are transferred at once, 1 to 256; 32 by default. The parts of large files are not counted
        /// here.
        pub fn concurrency(mut self, files: usize) -> Self {
            self.settings.concurrency = files;
            self
        }

        /// Ends at the first file that fails or is refused, which the report has as
        /// [`ended_by`](DirectoryReport::ended_by); files under way are stopped.
        pub fn stop_on_failure(mut self) -> Self {
            self.settings.stop_on_failure = true;
            self
        }

        /// How many failures the report holds, 1 000 by default. All are counted.
        pub fn failure_limit(mut self, failures: usize) -> Self {
            self.settings.failure_limit = failures;
            self
        }
    };
}

pub(super) use directory_options;

/// What was done with a file.
#[derive(Clone, Copy)]
pub(super) enum Deed {
    /// So many bytes, which may be others than were listed.
    Transferred(u64),
    Unchanged,
    Deleted,
    /// What was taken for extraneous is not.
    Kept,
}

type Outcome = Vec<(DirectoryFile, Result<Deed>)>;

/// Runs a task for each file, so many at a time. Dropping it stops them.
pub(super) struct Pool {
    /// Where the files lie, when there are any.
    root: Option<PathBuf>,
    control: Control,
    settings: Settings,
    tasks: JoinSet<Outcome>,
    report: DirectoryReport,
    /// Failures that are more than a name or a kind of file that was refused.
    broken: u64,
    outlook: Outlook,
    /// Whether any file was begun, or failed.
    begun: bool,
    /// Whether it was cancelled, or something ended the whole.
    ended: bool,
    /// The file that ended it.
    ended_at: Option<DirectoryFile>,
    /// Whether all was transferred, and what is extraneous may be deleted.
    deletes: bool,
    total: Arc<Total>,
    counting: JoinSet<()>,
}

/// How much there is to do, once it was counted, less what turned out to need nothing.
struct Total {
    control: Control,
    counted: OnceLock<(u64, u32)>,
    left: AtomicU64,
}

impl Total {
    fn tell(&self) {
        if let Some(&(bytes, files)) = self.counted.get() {
            let bytes = bytes.saturating_sub(self.left.load(Ordering::Relaxed));
            self.control.set_total(Some(bytes), Some(files));
        }
    }

    fn leave(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }
}

impl Pool {
    pub(super) fn new(root: Option<PathBuf>, settings: Settings, control: Control) -> Self {
        let total = Total { control: control.clone(), counted: OnceLock::new(), left: AtomicU64::new(0) };
        Self {
            root,
            control,
            settings,
            tasks: JoinSet::new(),
            report: DirectoryReport::default(),
            broken: 0,
            outlook: Outlook::default(),
            begun: false,
            ended: false,
            ended_at: None,
            deletes: false,
            total: Arc::new(total),
            counting: JoinSet::new(),
        }
    }

    /// Counts the source beside the transfer, bytes and files. When that fails, there is no total.
    pub(super) fn count(&mut self, count: impl Future<Output = Result<(u64, u32)>> + Send + 'static) {
        let total = Arc::clone(&self.total);
        let work = async move {
            if let Ok(counted) = count.await {
                total.counted.get_or_init(|| counted);
                total.tell();
            }
        };
        self.counting.spawn(Span::current().around(work));
    }

    /// What a task needs to tell of its file.
    pub(super) fn worker(&self, bucket: &Bucket) -> Worker {
        let (control, listener) = (self.control.clone(), self.settings.listener.clone());
        Worker { bucket: bucket.clone(), control, listener, dry_run: self.settings.dry_run }
    }

    /// Begins a task for a file once there is room.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] when the transfer was; the failure that ends the whole.
    pub(super) async fn begin(&mut self, file: DirectoryFile, work: BoxFuture<'static, Result<Deed>>) -> Result<()> {
        let listener = self.settings.listener.clone();
        self.spawn(async move {
            let outcome = work.await;
            tell_end(listener.as_ref(), &file, &outcome);
            vec![(file, outcome)]
        })
        .await
    }

    /// Begins a task for many.
    pub(super) async fn begin_many(&mut self, work: BoxFuture<'static, Outcome>) -> Result<()> {
        let listener = self.settings.listener.clone();
        self.spawn(async move {
            let outcomes = work.await;
            for (file, outcome) in &outcomes {
                tell_end(listener.as_ref(), file, outcome);
            }
            outcomes
        })
        .await
    }

    async fn spawn(&mut self, work: impl Future<Output = Outcome> + Send + 'static) -> Result<()> {
        while let Some(joined) = self.tasks.try_join_next() {
            self.note(joined)?;
        }
        while self.tasks.len() >= self.settings.concurrency {
            let Some(joined) = self.tasks.join_next().await else { break };
            self.note(joined)?;
        }
        self.control.ready().await?;
        self.begun = true;
        self.tasks.spawn(Span::current().around(work));
        Ok(())
    }

    /// What is no file, on either side.
    pub(super) fn aside(&mut self, entry: Entry) -> Result<()> {
        match entry {
            // A key that makes no path is told without one, lest anybody takes it for one.
            Entry::Refused(file, error) if !file.key.is_empty() => {
                self.fail(DirectoryFile { path: String::new(), ..file }, error)
            }
            Entry::Refused(file, error) => self.fail(file, error),
            Entry::Link(file) => {
                self.report.links += 1;
                self.tell(&file, FileStep::Link);
                Ok(())
            }
            Entry::WorkFile(file) => {
                self.report.work_files += 1;
                self.tell(&file, FileStep::WorkFile);
                Ok(())
            }
            Entry::File(_) => Ok(()),
        }
    }

    fn tell(&self, file: &DirectoryFile, step: FileStep<'_>) {
        if let Some(listener) = &self.settings.listener {
            listener(file, step);
        }
    }

    /// A file failed before a task was begun for it.
    pub(super) fn fail(&mut self, file: DirectoryFile, error: Error) -> Result<()> {
        self.broken += u64::from(error.kind() != ErrorKind::Input);
        let outcome = Err(error);
        tell_end(self.settings.listener.as_ref(), &file, &outcome);
        self.begun = true;
        // Its bytes were not counted.
        self.enter(DirectoryFile { size: 0, ..file }, outcome)
    }

    fn note(&mut self, joined: Result<Outcome, JoinError>) -> Result<()> {
        let mut noted = Ok(());
        for (file, outcome) in joined.map_err(joined_badly)? {
            self.broken += u64::from(outcome.is_err());
            noted = noted.and(self.enter(file, outcome));
        }
        noted
    }

    fn enter(&mut self, file: DirectoryFile, outcome: Result<Deed>) -> Result<()> {
        let report = &mut self.report;
        if outcome.is_ok() {
            self.outlook.succeeded();
        }
        match outcome {
            Ok(Deed::Deleted) => {
                report.deleted += 1;
                return Ok(());
            }
            Ok(Deed::Kept) => {
                report.unchanged += 1;
                return Ok(());
            }
            Ok(Deed::Transferred(bytes)) => {
                report.transferred += 1;
                report.bytes = report.bytes.saturating_add(bytes);
            }
            Ok(Deed::Unchanged) => {
                report.unchanged += 1;
                self.total.leave(file.size);
            }
            // What is stopped at the end says nothing new.
            Err(error) if error.kind() == ErrorKind::Cancelled => return if self.ended { Ok(()) } else { Err(error) },
            Err(error) => {
                self.total.leave(file.size);
                self.control.meter().done(0);
                return self.enter_failure(file, error);
            }
        }
        self.control.meter().done(0);
        Ok(())
    }

    fn enter_failure(&mut self, file: DirectoryFile, error: Error) -> Result<()> {
        self.report.failed += 1;
        let ends = self.outlook.is_hopeless_after(&error) || self.settings.stop_on_failure;
        if ends && !self.ended {
            self.ended = true;
            self.ended_at = Some(file);
            return Err(error);
        }
        if self.report.failures.len() < self.settings.failure_limit {
            self.report.failures.push(DirectoryFailure::of(file, self.root.as_deref(), error));
        }
        Ok(())
    }

    /// Waits for all that is under way, and says whether what is extraneous may be deleted now. Where the source has
    /// no file, or something failed, that would take more away than was brought.
    ///
    /// # Errors
    /// As [`begin`](Self::begin); [`ErrorKind::Input`] when the source has no file, and there is nothing else to tell.
    pub(super) async fn may_delete(&mut self, source_has_files: bool) -> Result<bool> {
        while let Some(joined) = self.tasks.join_next().await {
            self.note(joined)?;
        }
        if self.report.failed == 0 {
            self.still_has_source(source_has_files)?;
        }
        self.deletes = source_has_files && self.broken == 0;
        self.report.withheld = !self.deletes;
        Ok(self.deletes)
    }

    /// # Errors
    /// [`ErrorKind::Input`] when the source has nothing, or by the second look no longer has.
    pub(super) fn still_has_source(&mut self, has_files: bool) -> Result<()> {
        if has_files {
            return Ok(());
        }
        self.deletes = false;
        Err(Error::input("delete_extraneous", "would delete all: the source has no file"))
    }

    /// Waits for all, and closes the books. What ended the whole, like an error in `outcome`, is in the report; by then
    /// every task has cleaned up behind itself.
    ///
    /// # Errors
    /// The same, when nothing was begun before it.
    pub(super) async fn finish(mut self, outcome: Result<()>) -> Result<DirectoryReport> {
        let mut outcome = outcome;
        loop {
            if outcome.is_err() {
                self.ended = true;
                self.control.cancel();
            }
            let Some(joined) = self.tasks.join_next().await else { break };
            let noted = self.note(joined);
            outcome = outcome.and(noted);
        }
        match outcome {
            Err(error) if self.begun => {
                self.report.withheld = self.settings.delete_extraneous && !self.deletes;
                let file = self.ended_at.unwrap_or_default();
                self.report.ended_by = Some(DirectoryFailure::of(file, self.root.as_deref(), error));
            }
            outcome => outcome?,
        }
        Ok(self.report)
    }
}

fn tell_end(listener: Option<&Listener>, file: &DirectoryFile, outcome: &Result<Deed>) {
    let Some(listener) = listener else { return };
    let step = match outcome {
        Ok(Deed::Transferred(_)) => FileStep::Transferred,
        Ok(Deed::Unchanged | Deed::Kept) => FileStep::Unchanged,
        Ok(Deed::Deleted) => FileStep::Deleted,
        Err(error) => FileStep::Failed(error),
    };
    listener(file, step);
}

/// What a task works with.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) bucket: Bucket,
    pub(super) dry_run: bool,
    control: Control,
    listener: Option<Listener>,
}

impl Worker {
    /// Work that is not a transfer.
    pub(super) async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.control.unless_cancelled(work).await
    }

    /// Runs the transfer of a file within that of the directory.
    pub(super) async fn transfer<J: Job>(&self, file: &DirectoryFile, job: J) -> Result<Deed> {
        if self.dry_run {
            return Ok(Deed::Transferred(file.size));
        }
        let control = self.control.child();
        if let Some(listener) = &self.listener {
            listener(file, FileStep::Begun);
            let (listener, file) = (Arc::clone(listener), file.clone());
            control.on_progress(move |progress| listener(&file, FileStep::Moved(progress.bytes)));
        }
        control.run(job, &self.bucket).await?;
        Ok(Deed::Transferred(control.scope().0))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;
    use crate::transfer::disk::io_error;

    fn pool(settings: Settings) -> Pool {
        Pool::new(Some(PathBuf::from("root")), settings, Control::new())
    }

    fn file(number: u32) -> DirectoryFile {
        DirectoryFile { path: number.to_string(), key: format!("p/{number}"), ..DirectoryFile::default() }
    }

    async fn begin(pool: &mut Pool, number: u32, outcome: Result<Deed>) -> Result<()> {
        pool.begin(file(number), Box::pin(std::future::ready(outcome))).await
    }

    #[tokio::test]
    async fn a_full_disk_ends_it_and_what_was_done_is_told() {
        let full = || io_error("writing", Path::new("root/2"), io::ErrorKind::StorageFull.into());
        let mut pool = pool(Settings { concurrency: 1, delete_extraneous: true, ..Settings::default() });
        begin(&mut pool, 1, Ok(Deed::Transferred(7))).await.unwrap();
        begin(&mut pool, 2, Err(full())).await.unwrap();
        let error = begin(&mut pool, 3, Ok(Deed::Transferred(7))).await.unwrap_err();
        let report = pool.finish(Err(error)).await.unwrap();
        assert_eq!((report.transferred, report.bytes, report.failed, report.failures.len()), (1, 7, 1, 0));
        let ended_by = report.ended_by.as_ref().unwrap();
        assert_eq!((ended_by.key.as_deref(), ended_by.path.as_deref()), (Some("p/2"), Some(Path::new("root/2"))));
        assert_eq!((ended_by.error.kind(), report.withheld, report.is_complete()), (ErrorKind::Io, true, false));
    }

    /// What else comes to its end meanwhile is in the books.
    #[tokio::test]
    async fn the_first_that_ends_it_is_told_as_such_and_others_as_failures() {
        let no_key = || Err(Error::new(ErrorKind::Credentials, "there is no key"));
        let stopped = Err(Error::new(ErrorKind::Cancelled, "stopped"));
        let outcomes = vec![
            (file(1), no_key()),
            (file(2), Ok(Deed::Deleted)),
            (file(3), no_key()),
            (file(4), stopped),
            (file(5), Ok(Deed::Transferred(1))),
        ];
        let mut pool = pool(Settings::default());
        pool.begin_many(Box::pin(std::future::ready(outcomes))).await.unwrap();
        let report = pool.finish(Ok(())).await.unwrap();
        assert_eq!((report.transferred, report.deleted, report.failed), (1, 1, 2));
        assert_eq!(report.ended_by.unwrap().key.as_deref(), Some("p/1"));
        let failures: Vec<_> = report.failures.iter().map(|failure| failure.key.as_deref()).collect();
        assert_eq!(failures, [Some("p/3")]);
    }

    #[tokio::test]
    async fn an_error_before_anything_was_begun_is_an_error() {
        let error = || Err(Error::new(ErrorKind::Response, "the listing is odd"));
        assert_eq!(pool(Settings::default()).finish(error()).await.unwrap_err().kind(), ErrorKind::Response);
        let mut refused = pool(Settings::default());
        refused.fail(file(1), Error::input("key", "is no name")).unwrap();
        let report = refused.finish(error()).await.unwrap();
        let ended_by = report.ended_by.unwrap();
        assert_eq!((ended_by.key, ended_by.path, ended_by.error.kind()), (None, None, ErrorKind::Response));
        assert_eq!((report.failed, report.failures.len()), (1, 1));
    }
}
