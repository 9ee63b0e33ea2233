//! The metadata of an instance: the keys of the role that it was given.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use crate::account;
use crate::address::Address;
use crate::body::Body;
use crate::bucket::iso_seconds;
use crate::ids::{unix_micros, unix_seconds};
use crate::request::Head;
use crate::respond::Reply;
use crate::service::World;

const FOLDERS: [&str; 2] = ["/latest/meta-data/cam/security-credentials", "/meta-data/cam/security-credentials"];

/// How long the keys of an instance live.
const LIFETIME: Duration = Duration::from_secs(7200);

/// Whether a request is for the metadata, whatever its host. A bucket may have objects of that name.
pub(crate) fn is_asked(head: &Head) -> bool {
    head.method == Method::GET && !matches!(head.address, Address::Bucket { .. }) && role_named(head).is_some()
}

/// What stands behind the folder: a role, or nothing.
fn role_named(head: &Head) -> Option<&str> {
    let path = std::str::from_utf8(&head.path).ok()?;
    let rest = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// The roles of the instance, one a line, or the keys of one. An instance without a role has none of it: 404.
pub(crate) fn answer(world: &World, head: &Head) -> Reply {
    let Some(bound) = &world.instance_role else { return not_found() };
    let named = role_named(head).unwrap_or_default();
    if named.is_empty() {
        return text(StatusCode::OK, bound);
    }
    let Some((_, holder)) = world.cam.role_by_name(named).filter(|_| named == bound) else { return not_found() };
    let key = account::issue(&world.ids, world.clock.now(), LIFETIME);
    world.keys.add(&key, holder);
    let document = json!({
        "TmpSecretId": key.secret_id,
        "TmpSecretKey": key.secret_key,
        "ExpiredTime": unix_seconds(key.expires_at),
        "Expiration": iso_seconds(unix_micros(key.expires_at)),
        "Token": key.token,
        "Code": "Success",
    });
    text(StatusCode::OK, &document.to_string())
}

fn not_found() -> Reply {
    text(StatusCode::NOT_FOUND, "404 - Not Found\n")
}

pub(crate) fn text(status: StatusCode, text: &str) -> Reply {
    let mut reply = Reply::new(status);
    reply.body = Body::from(bytes::Bytes::from(text.to_owned()));
    reply.set("content-type", "text/plain");
    reply
}
