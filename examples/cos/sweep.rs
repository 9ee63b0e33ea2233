//! `cos rm --recursive`: page by page what a listing shows, up to a thousand in one request.

use std::collections::HashSet;

use serde_json::{Value, json};
use tencent_cos::{
    Bucket, DeleteObject, DeleteObjects, Error, ListObjects, ObjectKey, ObjectSummary, Operation, Paged, ServiceError,
};

use crate::failure::{Failure, Outcome, described, error_json, tell};
use crate::output::Output;
use crate::session::Session;
use crate::url::PrefixUrl;

pub async fn sweep(session: &Session, url: PrefixUrl, dry_run: bool) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    let mut sweep = Sweep { session, bucket, output: session.output(), removed: 0, failed: 0 };
    let mut list = ListObjects::new().prefix(url.prefix);
    loop {
        let page = session.send(&sweep.bucket, list.clone()).await?;
        if dry_run {
            sweep.show(&page.objects)?;
        } else {
            sweep.remove(&page.objects).await.map_err(Failure::early)?;
        }
        let Some(next) = list.next_page(&page)? else { return sweep.finish(dry_run) };
        // A look at what would be done may end early.
        sweep.output.flush().map_err(|failure| if dry_run { failure } else { failure.early() })?;
        list = next;
    }
}

struct Sweep<'a> {
    session: &'a Session,
    bucket: Bucket,
    output: Output,
    removed: u64,
    failed: u64,
}

impl Sweep<'_> {
    /// What would be removed.
    fn show(&mut self, objects: &[ObjectSummary]) -> Outcome {
        for ObjectSummary { key, size, .. } in objects {
            self.removed += 1;
            let bucket = self.bucket.name().as_str();
            let json = || json!({ "action": "delete", "bucket": bucket, "key": key, "size": size, "dry_run": true });
            self.output.line(json, format_args!("would remove cos://{}/{key}", self.bucket.name()))?;
        }
        Ok(())
    }

    async fn remove(&mut self, objects: &[ObjectSummary]) -> Outcome {
        let keys = objects.iter().map(|object| object.key.as_str());
        // A list of keys is XML, which cannot carry every key.
        let (listed, odd): (Vec<_>, Vec<_>) = keys.partition(|key| DeleteObjects::new([*key]).request().is_ok());
        for keys in listed.chunks(DeleteObjects::MAX_KEYS) {
            self.remove_at_once(keys).await?;
        }
        for key in odd {
            self.remove_one(key).await?;
        }
        Ok(())
    }

    /// When the request fails as a whole, the next would, too.
    async fn remove_at_once(&mut self, keys: &[&str]) -> Outcome {
        let answer = self.session.send(&self.bucket, DeleteObjects::new(keys.iter().copied())).await?;
        for gone in &answer.deleted {
            self.done(&gone.key, gone.delete_marker, gone.delete_marker_version_id.as_deref(), answer.request_id())?;
        }
        for kept in &answer.failed {
            let why = format!("{} {} (request id {})", kept.code, kept.message, answer.request_id());
            let mut service = ServiceError::default();
            (service.status, service.request_id) = (200, answer.request_id().to_owned());
            (service.code, service.message) = (kept.code.clone(), kept.message.clone());
            self.not_done(&kept.key, &why, &error_json(&Error::service_error(service)))?;
        }
        let deleted = answer.deleted.iter().map(|gone| gone.key.as_str());
        let named: HashSet<_> = deleted.chain(answer.failed.iter().map(|kept| kept.key.as_str())).collect();
        for key in keys.iter().filter(|key| !named.contains(*key)) {
            let why = format!("COS does not say whether it was removed (request id {})", answer.request_id());
            self.not_done(key, &why, &described("Response", &why, None, None))?;
        }
        Ok(())
    }

    async fn remove_one(&mut self, key: &str) -> Outcome {
        let removed = match ObjectKey::new(key) {
            Ok(key) => self.session.send(&self.bucket, DeleteObject::new(key)).await,
            Err(error) => Err(error.into()),
        };
        match removed {
            Ok(gone) => self.done(key, gone.delete_marker, gone.version_id.as_deref(), gone.request_id()),
            Err(failure) => self.not_done(key, &failure.to_string(), &failure.as_json()),
        }
    }

    fn done(&mut self, key: &str, delete_marker: bool, version_id: Option<&str>, request_id: &str) -> Outcome {
        self.removed += 1;
        let bucket = self.bucket.name();
        let json = || {
            json!({
                "action": "delete",
                "bucket": bucket.as_str(),
                "key": key,
                "delete_marker": delete_marker,
                "version_id": version_id,
                "request_id": request_id,
            })
        };
        self.output.line(json, format_args!("removed cos://{bucket}/{key} (request id {request_id})"))
    }

    fn not_done(&mut self, key: &str, why: &str, error: &Value) -> Outcome {
        self.failed += 1;
        let target = format!("cos://{}/{key}", self.bucket.name());
        if self.output.is_json() {
            return self.output.failed(&target, error);
        }
        tell(&format!("{target}: {why}"));
        Ok(())
    }

    fn finish(mut self, dry_run: bool) -> Outcome {
        let sum = json!({ "action": "sum", "removed": self.removed, "failed": self.failed, "dry_run": dry_run });
        let summed = if self.output.is_json() { self.output.line(|| sum, "") } else { Ok(()) };
        let printed = summed.and_then(|()| self.output.finish());
        match self.failed {
            0 => printed,
            failed => Err(Failure::failed(format!("{failed} of {} objects were not removed", failed + self.removed))),
        }
    }
}
