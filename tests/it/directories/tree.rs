//! Trees of files as values, to compare; and what a transfer tells of each file.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cos_emulator::Action;
use futures_util::TryStreamExt as _;
use tencent_cos::Bucket;
use tencent_cos::transfer::{DirectoryFile, DirectoryReport, FileStep};

/// Makes files that hold their own names.
pub fn make(root: &Path, files: &[&str]) {
    for file in files {
        write(root, file, file);
    }
}

pub fn write(root: &Path, file: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The keys behind a prefix.
pub async fn keys(bucket: &Bucket, prefix: &str) -> Vec<String> {
    bucket.list(prefix).map_ok(|object| object.key).try_collect().await.unwrap()
}

/// Writes down the steps of each file, but for the bytes.
#[derive(Clone, Default)]
pub struct Steps(Arc<Mutex<Vec<String>>>);

impl Steps {
    pub fn listener(&self) -> impl Fn(&DirectoryFile, FileStep<'_>) + Send + Sync + 'static {
        let steps = Arc::clone(&self.0);
        move |file, step| {
            let name = if file.path.is_empty() { &file.key } else { &file.path };
            let told = match step {
                FileStep::Moved(_) => return,
                FileStep::Failed(error) => format!("{name} failed {:?}", error.kind()),
                step => format!("{name} {step:?}").to_lowercase(),
            };
            steps.lock().unwrap().push(told);
        }
    }

    /// What was told since the last call, in order of names.
    pub fn take(&self) -> Vec<String> {
        let mut steps = std::mem::take(&mut *self.0.lock().unwrap());
        steps.sort();
        steps
    }
}

/// Transferred, unchanged, deleted, failed.
pub fn counts(report: &DirectoryReport) -> [u64; 4] {
    assert_eq!(report.is_complete(), report.failed == 0 && report.ended_by.is_none());
    [report.transferred, report.unchanged, report.deleted, report.failed]
}

/// The answer to a listing that shows nothing.
pub fn nothing_listed() -> Action {
    let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
    let body = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    Action::RawBody { status: 200, headers, body: body.into() }
}
