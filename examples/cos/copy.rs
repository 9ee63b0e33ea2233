//! From COS to COS: in one request, or by parts; the bytes do not come through here.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tencent_cos::transfer::{LargeCopy, LargeCopyOutput};
use tencent_cos::{Bucket, ObjectKey, ObjectSummary, Region};
use tokio::time::Instant;

use crate::amount::Size;
use crate::bars::Bars;
use crate::failure::{Failure, Outcome, chain, tell};
use crate::interrupt::ended;
use crate::options::Options;
use crate::output::{done, summed};
use crate::session::Session;
use crate::tree::{Choice, is_there};
use crate::url::{ObjectUrl, PrefixUrl, VersionId};

/// How many objects of a tree are under way at once.
const AT_ONCE: usize = 16;

pub async fn copy(
    session: &Session,
    source: &ObjectUrl,
    destination: &ObjectUrl,
    source_region: Option<&Region>,
    version_id: Option<VersionId>,
    options: &Options,
) -> Outcome {
    let itself = source.bucket == destination.bucket && source.key == destination.key;
    if itself && version_id.is_none() {
        return Err(Failure::usage(format!("SRC and DST are the same object, {source}")));
    }
    no_checkpoint(options)?;
    let from = session.bucket_in(source_region, &source.bucket)?;
    let to = session.bucket(&destination.bucket)?;
    let mut job = options.copy(LargeCopy::new(source.key.clone(), destination.key.clone()).from_bucket(&from));
    if let Some(VersionId(id)) = version_id {
        job = job.source_version_id(id);
    }
    let (copied, took) = session.run(source.key.as_str(), to.transfer(job)).await?;
    let mut output = session.output();
    let (from, to) = (source.to_string(), destination.to_string());
    let crc64 = copied.crc64.map(|crc64| crc64.to_string());
    let text = done(&from, &to, copied.length, took, crc64.as_deref());
    output.line(|| told(&from, &to, copied.length, Some(&copied)), text)?;
    output.finish()
}

/// Every object behind a prefix, to the same place behind another.
pub async fn copy_tree(
    session: &Session,
    source: PrefixUrl,
    destination: PrefixUrl,
    source_region: Option<&Region>,
    choice: &Choice,
    options: &Options,
) -> Outcome {
    no_checkpoint(options)?;
    choice.for_objects()?;
    if source.bucket == destination.bucket && destination.prefix.starts_with(&source.prefix) {
        return Err(Failure::usage("DST is below SRC: its copies would be copied again"));
    }
    let (from, to) = (session.bucket_in(source_region, &source.bucket)?, session.bucket(&destination.bucket)?);
    let is_meant = choice.paths()?;
    is_there(session, &from, &source).await?;
    let below = source.prefix.len();
    let objects = from.list(source.prefix.clone()).map_err(Failure::from).try_filter_map(|object| {
        let is_mark = object.size == 0 && object.key.ends_with('/');
        std::future::ready(Ok((!is_mark && is_meant(&object.key[below..])).then_some(object)))
    });
    let (mut output, bars, start) = (session.output(), session.bars(None), Instant::now());
    let objects = objects.take_while(|_| std::future::ready(!session.interrupt.has_come()));
    let dry_run = choice.dry_run;
    let tree = Copies { session, bars: &bars, from, to, source, destination, options, dry_run };
    let jobs = objects.map(|object| async { Ok::<_, Failure>(tree.one(object?).await) });
    let mut jobs = std::pin::pin!(jobs.buffer_unordered(AT_ONCE));
    let (mut copied, mut bytes, mut failed, mut end) = (0_u64, 0_u64, 0_u64, None);
    while let Some(outcome) = jobs.next().await {
        let stop = match outcome {
            Ok((from, to, Ok((size, made)))) => {
                (copied, bytes) = (copied + 1, bytes + size);
                let would = if dry_run { "would copy " } else { "" };
                let text = format!("{would}{from} -> {to}: {}", Size(size));
                let json = || {
                    let mut line = told(&from, &to, size, made.as_ref());
                    (line["action"], line["dry_run"]) = ("copy".into(), dry_run.into());
                    line
                };
                let told = bars.suspend(|| output.line(json, text).and_then(|()| output.flush()));
                bars.count(copied, bytes);
                told
            }
            Ok((_, _, Err(interrupted @ Failure::Interrupted { .. }))) => Err(interrupted),
            Ok((from, _, Err(failure))) => {
                failed += 1;
                if output.is_json() {
                    output.failed(&from, &failure.as_json()).and_then(|()| output.flush())
                } else {
                    bars.suspend(|| tell(&chain(format!("{from}: {failure}"), None)));
                    Ok(())
                }
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = stop {
            // The others give up what they began.
            end.get_or_insert(failure);
            session.interrupt.come();
        }
    }
    bars.clear();
    if let Some(failure) = end {
        return Err(if dry_run { failure } else { failure.early() });
    }
    let sum = json!({ "action": "sum", "transferred": copied, "bytes": bytes, "failed": failed, "dry_run": dry_run });
    let verb = if dry_run { "would be copied" } else { "copied" };
    output.line(|| sum, format!("{}; {failed} failed", summed(verb, copied, bytes, start.elapsed())))?;
    let printed = output.finish();
    if failed == 0 { printed } else { Err(Failure::failed(format!("{failed} objects were not copied"))) }
}

/// What the copies of a tree have in common.
struct Copies<'a> {
    session: &'a Session,
    bars: &'a Bars,
    from: Bucket,
    to: Bucket,
    source: PrefixUrl,
    destination: PrefixUrl,
    options: &'a Options,
    dry_run: bool,
}

impl Copies<'_> {
    /// From where, to where, and how many bytes were copied, or would be.
    async fn one(&self, object: ObjectSummary) -> (String, String, Outcome<(u64, Option<LargeCopyOutput>)>) {
        let target = self.target(&object.key);
        let (from, to) = self.names(&object.key, &target);
        let outcome = self.copy(object, &target).await;
        (from, to, outcome)
    }

    /// The key of a copy that does not come to lie in what is copied yet.
    fn checked(&self, target: &str) -> Outcome<ObjectKey> {
        if self.source.bucket == self.destination.bucket && target.starts_with(&self.source.prefix) {
            return Err(Failure::failed("its copy would be below SRC, in place of what is copied"));
        }
        Ok(ObjectKey::new(target)?)
    }

    /// The key of the copy.
    fn target(&self, key: &str) -> String {
        format!("{}{}", self.destination.prefix, &key[self.source.prefix.len()..])
    }

    fn names(&self, key: &str, target: &str) -> (String, String) {
        (format!("cos://{}/{key}", self.source.bucket), format!("cos://{}/{target}", self.destination.bucket))
    }

    async fn copy(&self, object: ObjectSummary, target: &str) -> Outcome<(u64, Option<LargeCopyOutput>)> {
        let (key, target) = (ObjectKey::new(object.key)?, self.checked(target)?);
        if self.dry_run {
            return Ok((object.size, None));
        }
        let job = LargeCopy::new(key, target).from_bucket(&self.from);
        let outcome = self.session.interrupt.guard(self.to.transfer(self.options.copy(job))).await;
        let made = self.bars.suspend(|| ended(outcome))?;
        Ok((made.length, Some(made)))
    }
}

fn no_checkpoint(options: &Options) -> Outcome {
    match options.checkpoint {
        Some(_) => Err(Failure::usage("--checkpoint is for files; a copy inside COS is begun anew")),
        None => Ok(()),
    }
}

fn told(source: &str, destination: &str, size: u64, copied: Option<&LargeCopyOutput>) -> Value {
    json!({
        "source": source,
        "destination": destination,
        "size": size,
        "etag": copied.map(|copied| &copied.etag),
        "crc64": copied.and_then(|copied| copied.crc64).map(|crc64| crc64.to_string()),
        "version_id": copied.map(|copied| &copied.version_id),
        "source_version_id": copied.map(|copied| &copied.source_version_id),
        "parts": copied.map(|copied| copied.parts),
        "request_id": copied.map(LargeCopyOutput::request_id),
    })
}
