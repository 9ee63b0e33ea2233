//! Deletes objects that have no file any more, a thousand at a time.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::client::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::object::{DeleteObject, DeleteObjects};
use crate::operation::Operation as _;
use crate::transfer::confined::Directory;
use crate::transfer::directory::pool::{Deed, Pool};
use crate::transfer::directory::report::DirectoryFile;
use crate::transfer::disk::{blocking, io_error};

/// Objects to be deleted, until there are enough for a request.
pub(super) struct Extraneous {
    /// Where a file may have come meanwhile.
    root: Option<Directory>,
    bucket: Bucket,
    dry_run: bool,
    objects: Vec<DirectoryFile>,
}

impl Extraneous {
    pub(super) fn new(root: Option<Directory>, bucket: Bucket, dry_run: bool) -> Self {
        Self { root, bucket, dry_run, objects: Vec::new() }
    }

    pub(super) async fn add(&mut self, object: DirectoryFile, pool: &mut Pool) -> Result<()> {
        self.objects.push(object);
        if self.objects.len() == DeleteObjects::MAX_KEYS { self.flush(pool).await } else { Ok(()) }
    }

    /// # Errors
    /// [`ErrorKind::Io`] when the directory is not there any more: then nothing says what is extraneous.
    pub(super) async fn flush(&mut self, pool: &mut Pool) -> Result<()> {
        let objects = std::mem::take(&mut self.objects);
        if objects.is_empty() {
            return Ok(());
        }
        let (kept, objects) = match self.root.clone() {
            Some(root) => still_without_file(root, objects).await?,
            None => (Vec::new(), objects),
        };
        let (bucket, dry_run) = (self.bucket.clone(), self.dry_run);
        let work = async move {
            let mut outcomes = kept;
            if dry_run {
                outcomes.extend(objects.into_iter().map(|object| (object, Ok(Deed::Deleted))));
            } else {
                outcomes.extend(delete(&bucket, objects).await);
            }
            outcomes
        };
        pool.begin_many(Box::pin(work)).await
    }
}

type Outcomes = Vec<(DirectoryFile, Result<Deed>)>;

async fn still_without_file(root: Directory, objects: Vec<DirectoryFile>) -> Result<(Outcomes, Vec<DirectoryFile>)> {
    blocking(move || {
        let split = without_file(root.path(), objects);
        // After that: without the directory every file would have been missed.
        is_still_there(&root).map(|()| split)
    })
    .await
}

/// # Errors
/// [`ErrorKind::Io`] when another directory has its path by now, or none.
pub(super) fn is_still_there(root: &Directory) -> Result<()> {
    let path = root.path();
    match root.is_at(path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(io_error("looking at", path, io::Error::other("it is another directory by now"))),
        Err(error) => Err(io_error("looking at", path, error)),
    }
}

/// A file may have come since it was looked for, or have a name that differs in case: then the object stays.
fn without_file(root: &Path, objects: Vec<DirectoryFile>) -> (Outcomes, Vec<DirectoryFile>) {
    let has_none = |object: &DirectoryFile| match fs::symlink_metadata(root.join(&object.path)) {
        Ok(meta) => meta.is_dir(),
        Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    };
    let (gone, kept): (Vec<_>, Vec<_>) = objects.into_iter().partition(has_none);
    (kept.into_iter().map(|object| (object, Ok(Deed::Kept))).collect(), gone)
}

async fn delete(bucket: &Bucket, objects: Vec<DirectoryFile>) -> Outcomes {
    // A list of keys is XML, which cannot carry every key.
    let fits = |object: &DirectoryFile| DeleteObjects::new([object.key.as_str()]).request().is_ok();
    let (listed, odd): (Vec<_>, Vec<_>) = objects.into_iter().partition(fits);
    let mut outcomes = delete_listed(bucket, listed).await;
    for object in odd {
        let outcome = async { bucket.send(DeleteObject::new(ObjectKey::new(&object.key)?)).await };
        let outcome = outcome.await.map(|_| Deed::Deleted);
        outcomes.push((object, outcome));
    }
    outcomes
}

async fn delete_listed(bucket: &Bucket, objects: Vec<DirectoryFile>) -> Outcomes {
    if objects.is_empty() {
        return Vec::new();
    }
    let answer = match bucket.send(DeleteObjects::new(objects.iter().map(|object| object.key.as_str()))).await {
        Ok(answer) => answer,
        Err(error) => return share(bucket, objects, &error),
    };
    let mut said: HashMap<_, Result<Deed>> = HashMap::new();
    for failure in &answer.failed {
        said.insert(failure.key.as_str(), Err(failure.to_error()));
    }
    for deleted in &answer.deleted {
        said.insert(&deleted.key, Ok(Deed::Deleted));
    }
    let unsaid = || Error::new(ErrorKind::Ambiguous, "COS does not say whether it was deleted");
    let outcome = |object: DirectoryFile| {
        let outcome = said.remove(object.key.as_str()).unwrap_or_else(|| Err(unsaid()));
        let outcome = outcome.map_err(|error| about(bucket, &object, 1, error));
        (object, outcome)
    };
    objects.into_iter().map(outcome).collect()
}

/// One request failed for all of them.
fn share(bucket: &Bucket, objects: Vec<DirectoryFile>, error: &Error) -> Outcomes {
    let shared = |object: DirectoryFile| {
        let shared = match error.service() {
            Some(service) => Error::service_error(service.clone()),
            None => Error::new(error.kind(), error.message().to_owned()),
        };
        let shared = about(bucket, &object, error.attempts(), shared);
        (object, Err(shared))
    };
    objects.into_iter().map(shared).collect()
}

/// The error of a request for many, told of one of them.
fn about(bucket: &Bucket, object: &DirectoryFile, attempts: u32, error: Error) -> Error {
    error.during(DeleteObjects::NAME, &format!("{}/{}", bucket.name(), object.key), attempts)
}
