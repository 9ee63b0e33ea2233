//! `cos rm --recursive`: page by page what a listing shows, up to a thousand in one request.

use std::collections::HashMap;

use serde_json::{Value, json};
use tencent_cos::{
    Bucket, DeleteKey, DeleteObject, DeleteObjects, ListObjectVersions, ListObjects, ObjectKey, ObjectSummary,
    ObjectVersion, Operation, Paged,
};

use crate::failure::{Failure, Outcome, described, error_json, tell};
use crate::output::Output;
use crate::session::Session;
use crate::tree::Globs;
use crate::url::PrefixUrl;

/// What is removed below a folder, and how.
pub struct Wanted {
    pub globs: Globs,
    pub versions: bool,
    pub dry_run: bool,
}

pub async fn sweep(session: &Session, url: PrefixUrl, wanted: Wanted) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let Wanted { globs, versions, dry_run } = wanted;
    let is_meant = globs.paths()?;
    let below = url.prefix.len();
    let is_meant = move |key: &str| is_meant(&key[below..]);
    let sweep = Sweep { session, bucket, output: session.output(), dry_run, removed: 0, failed: 0 };
    if versions {
        let list = ListObjectVersions::new().prefix(url.prefix);
        return sweep.all(list, |page| page.versions.into_iter().map(Item::from).collect(), is_meant).await;
    }
    let list = ListObjects::new().prefix(url.prefix);
    sweep.all(list, |page| page.objects.into_iter().map(Item::from).collect(), is_meant).await
}

/// An object, or one version of it.
struct Item {
    key: String,
    version_id: Option<String>,
    size: Option<u64>,
}

impl From<ObjectSummary> for Item {
    fn from(object: ObjectSummary) -> Self {
        Self { key: object.key, version_id: None, size: Some(object.size) }
    }
}

/// A delete marker has no bytes.
impl From<ObjectVersion> for Item {
    fn from(version: ObjectVersion) -> Self {
        let size = (!version.is_delete_marker).then_some(version.size);
        Self { key: version.key, version_id: version.version_id, size }
    }
}

impl Item {
    fn to_delete(&self) -> DeleteKey {
        self.version_id.iter().fold(DeleteKey::new(&self.key), DeleteKey::version_id)
    }

    /// What is removed, or in a dry run would be.
    fn to_json(&self, bucket: &Bucket, gone: Option<Gone<'_>>) -> Value {
        let made = gone.and_then(|gone| gone.made);
        json!({
            "action": "delete",
            "bucket": bucket.name().as_str(),
            "key": self.key,
            "version_id": self.version_id.as_ref().or(made),
            "size": self.size,
            "delete_marker": gone.map(|gone| gone.delete_marker),
            "request_id": gone.map(|gone| gone.request_id),
            "dry_run": gone.is_none(),
        })
    }

    fn name(&self, bucket: &Bucket) -> String {
        let version = self.version_id.as_ref().map(|id| format!(" version {id}")).unwrap_or_default();
        format!("cos://{}/{}{version}", bucket.name(), self.key)
    }
}

/// What COS says of a removal.
#[derive(Clone, Copy)]
struct Gone<'a> {
    delete_marker: bool,
    /// The version of a delete marker that hides the object now.
    made: Option<&'a String>,
    request_id: &'a str,
}

struct Sweep<'a> {
    session: &'a Session,
    bucket: Bucket,
    output: Output,
    dry_run: bool,
    removed: u64,
    failed: u64,
}

impl Sweep<'_> {
    async fn all<L: Paged + Clone>(
        mut self,
        mut list: L,
        items: impl Fn(L::Output) -> Vec<Item>,
        is_meant: impl Fn(&str) -> bool,
    ) -> Outcome {
        loop {
            let page = self.session.send(&self.bucket, list.clone()).await?;
            let next = list.next_page(&page)?;
            let mut items = items(page);
            items.retain(|item| is_meant(&item.key));
            if self.dry_run {
                self.show(&items)?;
            } else {
                self.remove(&items).await.map_err(Failure::early)?;
            }
            let Some(next) = next else { return self.finish() };
            // A look at what would be done may end early.
            self.output.flush().map_err(|failure| if self.dry_run { failure } else { failure.early() })?;
            list = next;
        }
    }

    /// What would be removed.
    fn show(&mut self, items: &[Item]) -> Outcome {
        for item in items {
            self.removed += 1;
            let name = item.name(&self.bucket);
            self.output.line(|| item.to_json(&self.bucket, None), format_args!("would remove {name}"))?;
        }
        Ok(())
    }

    async fn remove(&mut self, items: &[Item]) -> Outcome {
        // A list of keys is XML, which cannot carry every key.
        let (listed, odd): (Vec<_>, Vec<_>) =
            items.iter().partition(|item| DeleteObjects::new([item.to_delete()]).request().is_ok());
        for items in listed.chunks(DeleteObjects::MAX_KEYS) {
            self.remove_at_once(items).await?;
        }
        for item in odd {
            self.remove_one(item).await?;
        }
        Ok(())
    }

    /// When the request fails as a whole, the next would, too.
    async fn remove_at_once(&mut self, items: &[&Item]) -> Outcome {
        let delete = DeleteObjects::new(items.iter().map(|item| item.to_delete()));
        let answer = self.session.send(&self.bucket, delete).await?;
        let request_id = answer.request_id();
        let mut unsaid: HashMap<_, _> =
            items.iter().map(|item| ((&item.key, item.version_id.as_ref()), *item)).collect();
        for gone in &answer.deleted {
            if let Some(item) = unsaid.remove(&(&gone.key, gone.version_id.as_ref())) {
                let made = gone.delete_marker_version_id.as_ref();
                self.done(item, Gone { delete_marker: gone.delete_marker, made, request_id })?;
            }
        }
        for kept in &answer.failed {
            let Some(item) = unsaid.remove(&(&kept.key, kept.version_id.as_ref())) else { continue };
            let why = format!("{} {} (request id {request_id})", kept.code, kept.message);
            self.not_done(item, &why, &error_json(&kept.to_error()))?;
        }
        for item in items.iter().filter(|item| unsaid.contains_key(&(&item.key, item.version_id.as_ref()))) {
            let why = format!("COS does not say whether it was removed (request id {request_id})");
            self.not_done(item, &why, &described("Response", &why, None, None))?;
        }
        Ok(())
    }

    async fn remove_one(&mut self, item: &Item) -> Outcome {
        let removed = match ObjectKey::new(&item.key) {
            Ok(key) => {
                let delete = item.version_id.iter().fold(DeleteObject::new(key), DeleteObject::version_id);
                self.session.send(&self.bucket, delete).await
            }
            Err(error) => Err(error.into()),
        };
        match removed {
            Ok(gone) => {
                let (made, request_id) = (gone.version_id.as_ref(), gone.request_id());
                self.done(item, Gone { delete_marker: gone.delete_marker, made, request_id })
            }
            Err(failure) => self.not_done(item, &failure.to_string(), &failure.as_json()),
        }
    }

    fn done(&mut self, item: &Item, gone: Gone<'_>) -> Outcome {
        self.removed += 1;
        let text = format!("removed {} (request id {})", item.name(&self.bucket), gone.request_id);
        self.output.line(|| item.to_json(&self.bucket, Some(gone)), text)
    }

    fn not_done(&mut self, item: &Item, why: &str, error: &Value) -> Outcome {
        self.failed += 1;
        let target = item.name(&self.bucket);
        if self.output.is_json() {
            return self.output.failed(&target, error);
        }
        tell(&format!("{target}: {why}"));
        Ok(())
    }

    fn finish(mut self) -> Outcome {
        let sum = json!({ "action": "sum", "removed": self.removed, "failed": self.failed, "dry_run": self.dry_run });
        let summed = if self.output.is_json() { self.output.line(|| sum, "") } else { Ok(()) };
        let printed = summed.and_then(|()| self.output.finish());
        match self.failed {
            0 => printed,
            failed => Err(Failure::failed(format!("{failed} of {} objects were not removed", failed + self.removed))),
        }
    }
}
