//! Whole trees: file by file a line, and a sum at the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::{Value, json};
use tencent_cos::transfer::{
    CopyDirectory, DirectoryFile, DirectoryReport, DownloadDirectory, FileStep, Transfer, UploadDirectory,
};
use tencent_cos::{Bucket, DeleteObject, DeleteObjects, Error, ErrorKind, ListObjects, Operation as _};

use crate::amount::{Size, counted};
use crate::bars::Bars;
use crate::failure::{Failure, Outcome, chain, error_json, tell};
use crate::hint;
use crate::interrupt::{Interrupt, left_behind};
use crate::output::{Output, summed};
use crate::session::Session;
use crate::url::{PrefixUrl, Root};

/// Which names are meant.
#[derive(Clone, Debug, clap::Args)]
pub struct Globs {
    /// Only what matches by its path below the directory, like '*.log' or 'photos/**', where `*` stands for slashes, too;
    /// may be repeated
    #[arg(long, value_name = "GLOB")]
    include: Vec<Glob>,
    /// Nothing that matches by its path below the directory, whatever --include says; may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,
}

impl Globs {
    /// Refuses them where one object is meant.
    pub fn for_trees(&self) -> Outcome {
        only(!self.include.is_empty(), "--include", "--recursive")?;
        only(!self.exclude.is_empty(), "--exclude", "--recursive")
    }

    pub fn paths(&self) -> Outcome<impl Fn(&str) -> bool + Clone + Send + Sync + use<>> {
        self.exclude.iter().try_for_each(excludes_anything)?;
        let (include, exclude) = (set(&self.include)?, set(&self.exclude)?);
        Ok(move |path: &str| (include.is_empty() || include.is_match(path)) && !exclude.is_match(path))
    }
}

/// What is done with which files of a tree.
#[derive(Clone, Debug, clap::Args)]
pub struct Choice {
    #[command(flatten)]
    globs: Globs,
    /// Download to every name that this system can give a file, also to those that others cannot: colons, names that
    /// differ in case
    #[arg(long)]
    native_names: bool,
    /// Upload what symbolic links lead to, out of SRC, too
    #[arg(long)]
    follow_links: bool,
    /// How many files are under way at once, 1 to 256; 32 unless said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    files: Option<u16>,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl Choice {
    /// Refuses all of it where one object is meant.
    pub fn for_trees(&self) -> Outcome {
        self.globs.for_trees()?;
        only(self.native_names, "--native-names", "--recursive")?;
        only(self.follow_links, "--follow-links", "--recursive")?;
        only(self.files.is_some(), "--files", "--recursive")?;
        only(self.dry_run, "--dry-run", "--recursive")
    }

    pub fn download(&self, job: DownloadDirectory) -> Outcome<DownloadDirectory> {
        only(self.follow_links, "--follow-links", "uploads")?;
        let mut job = job.filter(self.filter()?);
        if self.native_names {
            job = job.native_names();
        }
        if let Some(files) = self.files {
            job = job.concurrency(files.into());
        }
        Ok(if self.dry_run { job.dry_run() } else { job })
    }

    pub fn upload(&self, job: UploadDirectory) -> Outcome<UploadDirectory> {
        only(self.native_names, "--native-names", "downloads")?;
        let mut job = job.filter(self.filter()?);
        if self.follow_links {
            job = job.follow_symlinks();
        }
        if let Some(files) = self.files {
            job = job.concurrency(files.into());
        }
        Ok(if self.dry_run { job.dry_run() } else { job })
    }

    pub fn copy(&self, job: CopyDirectory) -> Outcome<CopyDirectory> {
        only(self.native_names, "--native-names", "downloads")?;
        only(self.follow_links, "--follow-links", "uploads")?;
        let mut job = job.filter(self.filter()?);
        if let Some(files) = self.files {
            job = job.concurrency(files.into());
        }
        Ok(if self.dry_run { job.dry_run() } else { job })
    }

    /// Marks of folders, empty objects whose keys end in a slash, are no files and left out of everything.
    fn filter(&self) -> Outcome<impl Fn(&DirectoryFile) -> bool + Clone + Send + Sync + use<>> {
        let is_meant = self.paths()?;
        Ok(move |file: &DirectoryFile| {
            let is_mark = file.size == 0 && file.key.ends_with('/');
            !is_mark && is_meant(&file.path)
        })
    }

    /// The same of paths alone.
    pub fn paths(&self) -> Outcome<impl Fn(&str) -> bool + Clone + Send + Sync + use<>> {
        self.globs.paths()
    }
}

/// Refuses an option that is given where it has no meaning.
pub fn only(is_given: bool, option: &str, of: &str) -> Outcome {
    if is_given { Err(Failure::usage(format!("{option} is for {of}"))) } else { Ok(()) }
}

/// Refuses what is meant for a directory, as other programs take it, and would leave its files to be deleted.
fn excludes_anything(glob: &Glob) -> Outcome {
    let text = glob.glob();
    let inner = text.trim_matches('/');
    if inner.len() == text.len() {
        return Ok(());
    }
    let all = if text.ends_with('/') { format!("{inner}/**") } else { inner.to_owned() };
    Err(Failure::usage(format!(
        "--exclude {text} leaves no file out: paths neither begin nor end in a slash, as in '{all}'"
    )))
}

fn set(globs: &[Glob]) -> Outcome<GlobSet> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(glob.clone());
    }
    builder.build().map_err(|error| Failure::usage(error.to_string()))
}

/// Refuses a prefix that more begins with than what is in a folder.
pub fn is_folder(url: &PrefixUrl) -> Outcome {
    if url.prefix.is_empty() || url.prefix.ends_with('/') {
        return Ok(());
    }
    Err(Failure::usage(format!("{url} names no folder, as {url}/ does; --include names what only begins alike")))
}

/// Refuses a directory on COS with nothing at all below it: its name is wrong.
pub async fn is_there(session: &Session, bucket: &Bucket, url: &PrefixUrl) -> Outcome {
    // Without a name there is none that could be wrong.
    let Some(name) = url.prefix.strip_suffix('/') else { return Ok(()) };
    if first(session, bucket, &url.prefix).await?.is_some() {
        return Ok(());
    }
    let what = format!("{url} has nothing below it");
    let hint = match first(session, bucket, name).await? {
        Some(key) if key == name => {
            format!("cos://{}/{name} is an object: `cos cp` without --recursive copies it", url.bucket)
        }
        _ => hint::beside(&format!("{}/{name}", url.bucket)),
    };
    Err(Failure::hinted(what, Some(hint)))
}

/// The first key that begins so.
async fn first(session: &Session, bucket: &Bucket, prefix: &str) -> Outcome<Option<String>> {
    let page = session.send(bucket, ListObjects::new().prefix(prefix).max_keys(1)).await?;
    Ok(page.objects.into_iter().next().map(|object| object.key))
}

/// The lines of a transfer of a tree, and what stopped them.
#[derive(Clone)]
pub struct Lines {
    told: Arc<Mutex<Told>>,
    bars: Bars,
    interrupt: Interrupt,
    from: Root,
    to: Root,
    native_names: bool,
    dry_run: bool,
}

struct Told {
    output: Output,
    /// Whether a key was refused that this system could make a file of.
    foreign_names: bool,
    broken: Option<Failure>,
}

impl Told {
    fn note(&mut self, written: Outcome) {
        if let Err(failure) = written {
            self.broken.get_or_insert(failure);
        }
    }
}

/// By a signal, when so many files were done.
fn interrupted(files: u64) -> Failure {
    let done = counted(files, "file");
    Failure::Interrupted { hint: Some(format!("done so far: {done}; `cos sync` goes on with the rest")) }
}

impl Lines {
    pub fn new(session: &Session, from: Root, to: Root, choice: &Choice) -> Self {
        let told = Told { output: session.output(), foreign_names: false, broken: None };
        Self {
            told: Arc::new(Mutex::new(told)),
            bars: session.bars(None),
            interrupt: session.interrupt.clone(),
            from,
            to,
            native_names: choice.native_names,
            dry_run: choice.dry_run,
        }
    }

    /// Whether anybody looks at how far it is.
    pub fn has_bars(&self) -> bool {
        self.bars.is_shown()
    }

    /// What a job tells of each file.
    pub fn listener(&self) -> impl Fn(&DirectoryFile, FileStep<'_>) + Send + Sync + use<> {
        let lines = self.clone();
        move |file, step| {
            lines.bars.follow(file, step);
            match step {
                FileStep::Transferred => lines.transferred(file),
                FileStep::Deleted => lines.deleted(file),
                FileStep::Link if matches!(lines.from, Root::Local(_)) => lines.left_out(file),
                FileStep::Failed(error) => lines.failed(file, error),
                _ => {}
            }
        }
    }

    /// Runs it to its end, and tells the sum.
    pub async fn run(self, transfer: Transfer<DirectoryReport>) -> Outcome {
        let outcome = self.interrupt.follow(transfer, &self.bars, || self.flush()).await;
        self.flush();
        let mut told = self.told();
        let broken = told.broken.take();
        let ended_early = outcome.as_ref().map_or(true, |(report, _)| report.ended_by.is_some());
        if ended_early && let Some(broken) = broken {
            return Err(if self.dry_run { broken } else { broken.early() });
        }
        let field = outcome.as_ref().err().and_then(Error::field);
        let (report, took) = outcome.map_err(|error| match error.into() {
            Failure::Interrupted { .. } => interrupted(0),
            _ if field == Some("delete_extraneous") => Failure::usage("--delete would delete all: SRC has no file"),
            failure => failure,
        })?;
        let DirectoryReport { transferred, bytes, unchanged, deleted, withheld, links, work_files, .. } = report;
        let DirectoryReport { failed, failures, ended_by, .. } = report;
        if ended_by.as_ref().is_some_and(|failure| failure.error.kind() == ErrorKind::Cancelled) {
            return Err(interrupted(transferred));
        }
        let json = json!({
            "action": "sum",
            "transferred": transferred,
            "bytes": bytes,
            "unchanged": unchanged,
            "deleted": deleted,
            "deletions_withheld": withheld,
            "links": links,
            "work_files": work_files,
            "failed": failed,
            "ended_early": ended_early,
            "dry_run": self.dry_run,
        });
        let would = if self.dry_run { "would be " } else { "" };
        let mut text = vec![summed(&format!("{would}transferred"), transferred, bytes, took)];
        text.push(format!("{unchanged} unchanged, {failed} failed"));
        text.extend((deleted > 0).then(|| format!("{deleted} {would}deleted")));
        text.extend(withheld.then(|| "nothing deleted, because something failed".to_owned()));
        text.extend((links > 0).then(|| counted(links, "link") + " left out"));
        text.extend((work_files > 0).then(|| counted(work_files, "file") + " of transfers under way left out"));
        let printed = told.output.line(|| json, text.join("; ")).and_then(|()| told.output.flush());
        if let Some(ended_by) = ended_by {
            let (what, hint) = (Some("ended early".to_owned()), hint::of(&ended_by.error));
            return Err(Failure::Failed { what, error: Some(ended_by.into()), hint });
        }
        match failed {
            0 => broken.map_or(printed, Err),
            failed => {
                let hint = if told.foreign_names {
                    Some("--native-names takes every name that this system can give a file".to_owned())
                } else {
                    failures.first().and_then(|failure| hint::of(&failure.error))
                };
                Err(Failure::hinted(format!("{failed} files failed or were refused"), hint))
            }
        }
    }

    fn transferred(&self, file: &DirectoryFile) {
        let (from, to) = (self.source(file), self.target(file));
        let action = match (&self.from, &self.to) {
            (Root::Local(_), _) => "upload",
            (_, Root::Local(_)) => "download",
            _ => "copy",
        };
        let would = if self.dry_run { format!("would {action} ") } else { String::new() };
        let json =
            json!({ "action": action, "source": from, "destination": to, "size": file.size, "dry_run": self.dry_run });
        self.line(json, &format!("{would}{from} -> {to}: {}", Size(file.size)));
    }

    fn deleted(&self, file: &DirectoryFile) {
        let gone = self.target(file);
        let verb = if self.dry_run { "would delete" } else { "deleted" };
        let json = json!({ "action": "delete", "target": gone, "size": file.size, "dry_run": self.dry_run });
        self.line(json, &format!("{verb} {gone}"));
    }

    fn left_out(&self, file: &DirectoryFile) {
        let path = self.source(file);
        if self.is_json() {
            return self.line(json!({ "action": "link", "target": path }), "");
        }
        let why = "is a symbolic link, and is left out; --follow-links takes what it leads to";
        self.bars.suspend(|| tell(&format!("{path}: {why}")));
    }

    fn failed(&self, file: &DirectoryFile, error: &Error) {
        let refused = error.field() == Some("key");
        if refused && !self.native_names && self.is_native(&file.key) {
            self.told().foreign_names = true;
        }
        let name = if self.is_extraneous(file, error) { self.target(file) } else { self.source(file) };
        let stopped = error.kind() == ErrorKind::Cancelled;
        if self.is_json() {
            // Of what was stopped only what it left is told.
            if stopped && error.upload_id().is_none() {
                return;
            }
            let mut told = self.told();
            let written = told.output.failed(&name, &error_json(error));
            return told.note(written);
        }
        self.bars.suspend(|| {
            if !stopped {
                tell(&chain(name, Some(error)));
            }
            left_behind(&self.target(file), error);
        });
    }

    /// Whether it was to be deleted.
    fn is_extraneous(&self, file: &DirectoryFile, error: &Error) -> bool {
        // A file has no storage class.
        let is_object = file.storage_class.is_some();
        match (&self.from, &self.to) {
            (Root::Local(_), _) => is_object,
            (_, Root::Local(_)) => !is_object,
            _ => matches!(error.operation(), Some(DeleteObject::NAME | DeleteObjects::NAME)),
        }
    }

    /// Whether this system could give a file such a name below the directory.
    fn is_native(&self, key: &str) -> bool {
        let (Root::Cos(url), Root::Local(_)) = (&self.from, &self.to) else { return false };
        let path = key.strip_prefix(&url.prefix).unwrap_or(key);
        let refused = |name: &str| matches!(name, "" | "." | "..") || name.len() > 255 || name.contains('\0');
        !cfg!(windows) && !path.split('/').any(refused)
    }

    fn line(&self, json: Value, text: &str) {
        let mut told = self.told();
        let written = told.output.line(|| json, text);
        told.note(written);
    }

    /// Prints what there is to tell. When nobody reads it any more, the transfer is stopped.
    fn flush(&self) {
        let mut told = self.told();
        if told.output.is_empty() {
            return;
        }
        let written = self.bars.suspend(|| told.output.flush());
        told.note(written);
        if told.broken.is_some() {
            self.interrupt.come();
        }
    }

    fn source(&self, file: &DirectoryFile) -> String {
        match (&self.from, &self.to) {
            (Root::Local(directory), _) => directory.join(&file.path).display().to_string(),
            // The key is that of the copy.
            (Root::Cos(url), Root::Cos(_)) => format!("{url}{}", file.path),
            (Root::Cos(url), _) => url.beside(&file.key),
        }
    }

    fn target(&self, file: &DirectoryFile) -> String {
        match &self.to {
            Root::Local(directory) => directory.join(&file.path).display().to_string(),
            Root::Cos(url) => url.beside(&file.key),
        }
    }

    fn is_json(&self) -> bool {
        self.told().output.is_json()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
