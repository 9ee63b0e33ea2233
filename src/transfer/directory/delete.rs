//! Deletes objects that have no file any more, a thousand at a time.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::client::Bucket;
use crate::error::{Error, ErrorKind, Result, ServiceError};
use crate::key::ObjectKey;
use crate::object::{DeleteObject, DeleteObjects};
use crate::operation::Operation as _;
use crate::transfer::confined::Directory;
use crate::transfer::directory::pool::{Deed, Pool};
use crate::transfer::directory::report::DirectoryFile;
use crate::transfer::disk::{blocking, io_error};

/// Objects to be deleted, until there are enough for a request.
pub(super) struct Extraneous {
    root: Directory,
    bucket: Bucket,
    dry_run: bool,
    objects: Vec<DirectoryFile>,
}

impl Extraneous {
    pub(super) fn new(root: Directory, bucket: Bucket, dry_run: bool) -> Self {
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
        let root = self.root.clone();
        let (kept, objects) = blocking(move || {
            let path = root.path();
            let split = without_file(path, objects);
            // After that: without the directory every file would have been missed.
            match root.is_at(path) {
                Ok(true) => Ok(split),
                Ok(false) => Err(io_error("looking at", path, io::Error::other("it is another directory by now"))),
                Err(error) => Err(io_error("looking at", path, error)),
            }
        })
        .await?;
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
        Err(error) => return share(objects, &error),
    };
    let mut said: HashMap<_, Result<Deed>> = HashMap::new();
    for failure in &answer.failed {
        said.insert(
            failure.key.as_str(),
            Err(Error::service_error(ServiceError {
                status: 200,
                code: failure.code.clone(),
                message: failure.message.clone(),
                request_id: answer.request_id().to_owned(),
                ..ServiceError::default()
            })),
        );
    }
    for deleted in &answer.deleted {
        said.insert(&deleted.key, Ok(Deed::Deleted));
    }
    let unsaid = || Error::new(ErrorKind::Ambiguous, "COS does not say whether it was deleted");
    let outcome = |object: DirectoryFile| {
        let outcome = said.remove(object.key.as_str()).unwrap_or_else(|| Err(unsaid()));
        (object, outcome)
    };
    objects.into_iter().map(outcome).collect()
}

/// One request failed for all of them.
fn share(objects: Vec<DirectoryFile>, error: &Error) -> Outcomes {
    let mut outcomes = Vec::new();
    let text = error.to_string();
    for object in objects {
        let shared = Error::new(error.kind(), text.clone());
        let shared = error.service().map_or(shared, |service| Error::service_error(service.clone()));
        outcomes.push((object, Err(shared)));
    }
    outcomes
}
