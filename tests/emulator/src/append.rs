//! APPEND Object: objects that grow.

use std::sync::Arc;

use md5::{Digest, Md5};

use crate::attributes::{draft, refuse_unknown, writable_key};
use crate::customer_key;
use crate::encoding::number;
use crate::error::CosError;
use crate::object::{describe_write, may_write};
use crate::receive::{Digests, LARGEST, receive};
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Content, Kind, Made, Occupant, Pieces, Version, Versioning, combine};

/// Puts bytes behind those that are there. The first append makes the object, and says all there is to say about it.
pub(crate) async fn append(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    may_write(call, &bucket)?;
    let key = writable_key(call)?.to_owned();
    refuse_unknown(call.head)?;
    customer_key::refuse(call.head)?;
    let position = call.head.query.get("position").and_then(number);
    let position = position.ok_or_else(|| CosError::invalid_argument("The position must be a number."))?;
    call.demand_length()?;
    let draft = draft(call.head, &bucket, &key)?;
    let digests = Digests::of(call.head)?;
    let before = bucket.check(&key, |occupant| grows(occupant, position).map(Option::<&_>::cloned))?;
    let content = receive(call, &digests).await?;
    let appended = content.md5;

    let mut made = match &before {
        None => Made { crc64: Some(0), draft, ..Made::default() },
        Some(before) => Made {
            pieces: before.pieces.clone(),
            size: before.size,
            crc64: before.crc64,
            draft: before.draft.clone(),
            ..Made::default()
        },
    };
    if made.size + content.size > LARGEST {
        return Err(CosError::entity_too_large());
    }
    let md5 = whole_md5(before.as_ref(), &content).await.map_err(|error| CosError::internal(&error))?;
    made.pieces.append(&content.pieces);
    made.size += content.size;
    made.crc64 = made.crc64.map(|crc| combine(crc, content.crc64, content.size));
    made.etag = format!("\"{}\"", hex::encode(md5.clone().finalize()));
    made.kind = Kind::Appendable(Some(md5));
    let unchanged = |occupant: &Occupant<'_>| {
        let micros = |version: &Arc<Version>| version.micros;
        let object = grows(occupant, position)?;
        if object.map(micros) == before.as_ref().map(micros) { Ok(()) } else { Err(wrong_position()) }
    };
    let committed = bucket.commit(&key, made, unchanged, call.world.clock.now())?;

    let mut reply = Reply::ok();
    reply.set("etag", &committed.version.etag);
    reply.set("x-cos-next-append-position", committed.version.size.to_string());
    // By its name a SHA-1; the Go SDK demands the MD5 of the bytes just sent.
    reply.set("x-cos-content-sha1", hex::encode(appended));
    describe_write(&mut reply, &committed);
    Ok(reply)
}

/// The object that can grow at this position; none if there is none yet.
fn grows<'a>(occupant: &Occupant<'a>, position: u64) -> Result<Option<&'a Arc<Version>>, CosError> {
    if occupant.versioning != Versioning::Unset {
        let message = "Objects cannot be appended to in a bucket that keeps versions.";
        return Err(CosError::new(409, "InvalidBucketState", message));
    }
    let object = occupant.object();
    if object.is_some_and(|object| !matches!(object.kind, Kind::Appendable(_))) {
        return Err(CosError::new(409, "ObjectNotAppendable", "The object is not appendable."));
    }
    if object.map_or(0, |object| object.size) == position { Ok(object) } else { Err(wrong_position()) }
}

fn wrong_position() -> CosError {
    CosError::new(409, "AppendPositionErr", "The position is not the length of the object.")
}

/// The hash of everything, going on from the last append. After a restart the object is read once.
async fn whole_md5(before: Option<&Arc<Version>>, content: &Content) -> std::io::Result<Md5> {
    let (known, mut unhashed) = match before.map(|before| (&before.kind, &before.pieces)) {
        Some((Kind::Appendable(Some(md5)), _)) => (md5.clone(), Pieces::default()),
        Some((_, pieces)) => (Md5::new(), pieces.clone()),
        None => (Md5::new(), Pieces::default()),
    };
    unhashed.append(&content.pieces);
    let digest = tokio::task::spawn_blocking(move || unhashed.digest(known));
    digest.await.map_err(std::io::Error::other)?.map(|(md5, _)| md5)
}
