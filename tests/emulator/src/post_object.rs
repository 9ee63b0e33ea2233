//! POST Object: what a browser's form uploads, and the policy that its signer wrote for it.

mod form;
mod policy;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha1::{Digest, Sha1};

use crate::access::{self, Standing};
use crate::address::Address;
use crate::attributes::{check_key, draft, forbids_overwrite, refuse_unknown};
use crate::auth::{Caller, Proof, Window, believe, does_not_match, hmac_hex};
use crate::customer_key;
use crate::encoding::{encode, encode_path};
use crate::error::CosError;
use crate::object::describe_write;
use crate::receive::{Digests, LARGEST};
use crate::request::Head;
use crate::respond::Reply;
use crate::service::{Call, traffic_limit};
use crate::store::{Made, Sink};
use crate::xml::Document;
use form::{Form, Parts};
use policy::PostPolicy;

/// Stores what the form's file holds, if its policy lets it.
pub(crate) async fn post(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    let (world, head, peer) = (call.world, call.head, call.peer);
    let mut parts = Parts::of(head, call.upload)?;
    let (form, mut file) = parts.until_file().await?;
    let key = form.required("key")?.replace("${filename}", &file.name);
    check_key(&key)?;
    let (caller, policy) = authorize(call.world, &form, head)?;
    // From here on it is as though the object had been put, with the fields for headers.
    let put = as_put(head, &form, &key)?;
    let standing = access::permit(&caller, &put, peer, &["name/cos:PostObject"], &bucket, &key)?;
    if standing == Standing::Unsaid && !bucket.lets_in(caller.principal().as_deref(), &key, "WRITE") {
        return Err(CosError::access_denied());
    }
    let sizes = match &policy {
        Some(policy) => policy.check(&form, &bucket.name, &key)?,
        None => 0..=LARGEST,
    };
    refuse_unknown(&put)?;
    customer_key::refuse(&put)?;
    let draft = draft(&put, &bucket, &key)?;
    let digests = Digests::of(&put)?;
    let pace = traffic_limit(&put)?;
    let wish = Wish::of(&form)?;
    let forbid_overwrite = forbids_overwrite(&put)?;
    bucket.check(&key, |occupant| occupant.guard(forbid_overwrite))?;

    let mut sink = Sink::new(&world.store.disk, digests.needs_sha1());
    while let Some(bytes) = file.next().await? {
        if let Some(bytes_per_second) = pace {
            tokio::time::sleep(crate::body::pace(bytes.len() as u64, bytes_per_second)).await;
        }
        sink.write(bytes).await.map_err(|error| CosError::internal(&error))?;
        if sink.size() > LARGEST.min(*sizes.end()) {
            return Err(CosError::entity_too_large());
        }
    }
    drop(file);
    parts.end().await?;
    if sink.size() < *sizes.start() {
        let message = "Your proposed upload is smaller than the minimum allowed size.";
        return Err(CosError::new(400, "EntityTooSmall", message));
    }
    let content = sink.finish().await.map_err(|error| CosError::internal(&error))?;
    digests.check(content.md5, content.sha1)?;
    let made = Made::of(content, draft);
    let committed = bucket.commit(&key, made, |occupant| occupant.guard(forbid_overwrite), world.clock.now())?;

    let at = if matches!(head.address, Address::Bucket { path_style: true, .. }) {
        format!("{}/{}", head.host, bucket.name)
    } else {
        head.host.clone()
    };
    let scheme = if peer.tls.is_some() { "https" } else { "http" };
    let location = format!("{scheme}://{at}/{}", encode_path(key.as_bytes()));
    let mut reply = wish.grant(&location, &bucket.name, &key, &committed.version.etag);
    describe_write(&mut reply, &committed);
    Ok(reply)
}

/// Who signed the form, and what for. Nobody, if nothing is signed at all.
fn authorize(
    world: &crate::service::World,
    form: &Form,
    head: &Head,
) -> Result<(Caller, Option<PostPolicy>), CosError> {
    const SIGNED: [&str; 5] = ["policy", "q-sign-algorithm", "q-ak", "q-key-time", "q-signature"];
    if SIGNED.iter().all(|name| form.get(name).is_none()) {
        return Ok((Caller::Anonymous, None));
    }
    for name in SIGNED {
        form.required(name)?;
    }
    if form.get("q-sign-algorithm") != Some("sha1") {
        return Err(CosError::invalid_argument("The field q-sign-algorithm must be sha1."));
    }
    let policy = STANDARD.decode(form.required("policy")?).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let policy = policy.ok_or_else(|| policy::invalid("The policy is not the Base64 of a text."))?;
    let (time, signature) = (form.required("q-key-time")?, form.required("q-signature")?);
    let check = |secret: &str| {
        if post_signature(secret, time, &policy) == signature {
            Ok(())
        } else {
            Err(does_not_match("The Signature you specified is invalid."))
        }
    };
    let proof = Proof {
        key_id: form.required("q-ak")?,
        token: form.get("x-cos-security-token").map(str::as_bytes),
        times: &[Window::parse(time, "q-key-time")?],
        check: &check,
    };
    let caller = believe(&proof, &head.method, &world.keys, &world.clock)?;
    let policy = PostPolicy::parse(&policy)?;
    policy.check_time(world.clock.now())?;
    Ok((caller, Some(policy)))
}

/// Of the policy's text byte for byte; nothing else in the form is signed.
fn post_signature(secret: &str, time: &str, policy: &str) -> String {
    let sign_key = hmac_hex(secret.as_bytes(), time.as_bytes());
    hmac_hex(sign_key.as_bytes(), hex::encode(Sha1::digest(policy)).as_bytes())
}

/// The head of the PUT that would store the same object in the same way.
fn as_put(head: &Head, form: &Form, key: &str) -> Result<Head, CosError> {
    let mut headers = HeaderMap::new();
    for (name, value) in form.fields() {
        let name = match name.to_ascii_lowercase().as_str() {
            "acl" => "x-cos-acl".to_owned(),
            "x-cos-acl" => return Err(CosError::invalid_argument("The field for the ACL is acl.")),
            "x-cos-security-token" => continue,
            name if name.starts_with("x-cos-") || DESCRIBED.contains(&name) => name.to_owned(),
            _ => continue,
        };
        let named = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let bad = || CosError::invalid_argument(format!("The field {name} holds what no header could."));
        let (header, value) = named.ok_or_else(bad)?;
        headers.insert(header, value);
    }
    if let Some(length) = head.headers.get(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, length.clone());
    }
    let mut address = head.address.clone();
    if let Address::Bucket { key: place, .. } = &mut address {
        *place = key.as_bytes().to_vec();
    }
    Ok(Head { headers, address, ..head.clone() })
}

/// Fields that are headers of a PUT by the same name.
const DESCRIBED: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
    "pic-operations",
];

/// How the form wants to be answered.
enum Wish {
    Status(StatusCode),
    Redirect(String),
}

impl Wish {
    fn of(form: &Form) -> Result<Self, CosError> {
        if let Some(to) = form.get("success_action_redirect").filter(|to| !to.is_empty()) {
            let url = to.starts_with("http://") || to.starts_with("https://");
            let fits = url && HeaderValue::from_str(to).is_ok();
            let bad = || CosError::invalid_argument("The field success_action_redirect is no URL.");
            return if fits { Ok(Self::Redirect(to.to_owned())) } else { Err(bad()) };
        }
        match form.get("success_action_status") {
            None | Some("204") => Ok(Self::Status(StatusCode::NO_CONTENT)),
            Some("200") => Ok(Self::Status(StatusCode::OK)),
            Some("201") => Ok(Self::Status(StatusCode::CREATED)),
            Some(_) => Err(CosError::invalid_argument("The field success_action_status is 200, 201 or 204.")),
        }
    }

    fn grant(self, location: &str, bucket: &str, key: &str, etag: &str) -> Reply {
        let mut reply = match self {
            Self::Redirect(to) => {
                let joint = if to.contains('?') { '&' } else { '?' };
                let [bucket, key, etag] = [bucket, key, etag].map(|text| encode(text.as_bytes()));
                let mut reply = Reply::new(StatusCode::SEE_OTHER);
                reply.set("location", format!("{to}{joint}bucket={bucket}&key={key}&etag={etag}"));
                reply
            }
            Self::Status(StatusCode::CREATED) => {
                let mut xml = Document::new("PostResponse");
                xml.text("Location", location);
                xml.text("Bucket", bucket);
                xml.text("Key", key);
                xml.text("ETag", etag);
                let mut reply = Reply::xml(xml.finish());
                reply.status = StatusCode::CREATED;
                reply
            }
            Self::Status(status) => Reply::new(status),
        };
        if reply.status != StatusCode::SEE_OTHER {
            reply.set("location", location);
        }
        reply.set("etag", etag);
        reply
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        id: String,
        secret_key: String,
        key_time: String,
        policy: String,
        policy_base64: String,
        signature: String,
    }

    #[test]
    fn policies_signed_by_the_official_sdk_and_of_the_documents_are_computed_alike() {
        let files =
            [include_str!("../../golden/sdk_vectors.json"), include_str!("../../golden/official_examples.json")];
        let mut seen = 0;
        for file in files {
            let file: serde_json::Value = serde_json::from_str(file).unwrap();
            let cases = file["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "post-policy");
            for case in cases.map(|case| serde_json::from_value::<Case>(case.clone()).unwrap()) {
                assert_eq!(STANDARD.encode(&case.policy), case.policy_base64, "{}", case.id);
                let computed = post_signature(&case.secret_key, &case.key_time, &case.policy);
                assert_eq!(computed, case.signature, "{}", case.id);
                assert_ne!(post_signature(&case.secret_key, &case.key_time, &format!("{}\n", case.policy)), computed);
                seen += 1;
            }
        }
        assert_eq!(seen, 4);
    }
}
