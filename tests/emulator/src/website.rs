//! Static websites: the document that sets one, and its pages.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::access;
use crate::body::Body;
use crate::encoding::{encode_path, number};
use crate::error::CosError;
use crate::object::{may_read, show, show_whole};
use crate::respond::Reply;
use crate::service::Call;
use crate::settings::{children, texts};
use crate::store::{Bucket, Setting, Version};
use crate::symlink;
use crate::xml::{Element, parse};

pub(crate) fn check(root: &Element) -> Result<(), CosError> {
    if root.child("ErrorDocument").and_then(|error| error.text_of("Charity404")) == Some("Enabled") {
        return Err(CosError::not_implemented("the page Charity404"));
    }
    Website::read(root).map(drop).ok_or_else(CosError::malformed_xml)
}

pub(crate) fn unset() -> CosError {
    CosError::new(404, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration.")
}

/// What is set of a bucket.
struct Website<'d> {
    index: &'d str,
    error: Option<&'d str>,
    /// Whether the error document comes with the status of the error. So it does, unless it is said.
    keeps_status: bool,
    https_only: bool,
    /// Whether `a` may be `a.html`.
    finds_html: bool,
    rules: Vec<Rule<'d>>,
}

struct Rule<'d> {
    condition: Condition<'d>,
    target: Target<'d>,
    https: bool,
    /// Whether the visitor is sent there, in place of being given what is there. `URLRedirect`; what it does, and that
    /// it does so unless it is said, is inferred.
    sends: bool,
}

enum Condition<'d> {
    Status(u16),
    Prefix(&'d str),
}

enum Target<'d> {
    Key(&'d str),
    Prefix(&'d str),
}

impl<'d> Website<'d> {
    const RULES: usize = 100;

    fn read(root: &'d Element) -> Option<Self> {
        let names = ["IndexDocument", "ErrorDocument", "RedirectAllRequestsTo", "AutoAddressing", "RoutingRules"];
        let [index, error, all, auto, rules] = children(root, names)?;
        let [suffix] = texts(index?, ["Suffix"])?;
        let [key, original, charity] = match error {
            Some(error) => texts(error, ["Key", "OriginalHttpStatus", "Charity404"])?,
            None => [None; 3],
        };
        enabled(charity)?;
        let [protocol] = all.map_or(Some([None]), |all| texts(all, ["Protocol"]))?;
        let [status] = auto.map_or(Some([None]), |auto| texts(auto, ["Status"]))?;
        let rules = match rules {
            Some(rules) if !rules.has_only(&["RoutingRule"]) => return None,
            Some(rules) => rules.children().iter().map(Rule::read).collect::<Option<Vec<_>>>()?,
            None => Vec::new(),
        };
        if error.is_some() != key.is_some() || all.is_some() != protocol.is_some() || rules.len() > Self::RULES {
            return None;
        }
        Some(Self {
            index: suffix?,
            error: key,
            keeps_status: enabled(original)?.unwrap_or(true),
            https_only: is_https(protocol)?,
            finds_html: enabled(status)?.unwrap_or(false),
            rules,
        })
    }
}

impl<'d> Rule<'d> {
    fn read(rule: &'d Element) -> Option<Self> {
        let [condition, redirect] = children(rule, ["Condition", "Redirect"])?;
        // That it is one of them, not both, is what the reference says.
        let condition = match texts(condition?, ["HttpErrorCodeReturnedEquals", "KeyPrefixEquals"])? {
            [Some(code), None] => Condition::Status(number(code).filter(|code| (400..500).contains(code))?),
            [None, Some(prefix)] => Condition::Prefix(prefix),
            _ => return None,
        };
        let names = ["Protocol", "ReplaceKeyWith", "ReplaceKeyPrefixWith", "URLRedirect"];
        let [protocol, key, prefix, sends] = texts(redirect?, names)?;
        let target = match (key, prefix) {
            (Some(key), None) => Target::Key(key),
            (None, Some(prefix)) if matches!(condition, Condition::Prefix(_)) => Target::Prefix(prefix),
            _ => return None,
        };
        Some(Self { condition, target, https: is_https(protocol)?, sends: enabled(sends)?.unwrap_or(true) })
    }

    /// The key that a rule puts in the place of one it is for.
    fn for_key(&self, key: &str) -> Option<String> {
        let Condition::Prefix(prefix) = self.condition else { return None };
        let rest = key.strip_prefix(prefix)?;
        Some(match self.target {
            Target::Key(key) => key.to_owned(),
            Target::Prefix(prefix) => format!("{prefix}{rest}"),
        })
    }

    fn for_status(&self, status: StatusCode) -> Option<&'d str> {
        match (&self.condition, &self.target) {
            (Condition::Status(code), Target::Key(key)) if *code == status.as_u16() => Some(key),
            _ => None,
        }
    }
}

/// Nothing is a value that is not known.
#[allow(clippy::option_option)]
fn enabled(text: Option<&str>) -> Option<Option<bool>> {
    match text {
        None => Some(None),
        Some("Enabled") => Some(Some(true)),
        Some("Disabled") => Some(Some(false)),
        Some(_) => None,
    }
}

/// The one protocol that can be set.
fn is_https(protocol: Option<&str>) -> Option<bool> {
    match protocol {
        None => Some(false),
        Some("https") => Some(true),
        Some(_) => None,
    }
}

/// GET and HEAD of a page.
pub(crate) fn page(call: &Call<'_>) -> Result<Reply, CosError> {
    if !matches!(call.head.method, Method::GET | Method::HEAD) {
        return Err(CosError::method_not_allowed());
    }
    if call.head.broken_target {
        return Err(CosError::invalid_uri());
    }
    let (bucket, key) = (call.bucket()?, call.key()?);
    let document = bucket.setting(Setting::Website).ok_or_else(unset)?;
    let root = parse(document.as_bytes()).ok_or_else(unset)?;
    let website = Website::read(&root).ok_or_else(unset)?;
    // Permanent, as the setting is (inferred).
    if website.https_only && call.peer.tls.is_none() {
        return Ok(redirect(call, StatusCode::MOVED_PERMANENTLY, true, key));
    }
    // A prefix is looked at before the object (inferred).
    let by_prefix = website.rules.iter().find_map(|rule| Some((rule, rule.for_key(key)?)));
    let found = match by_prefix {
        Some((rule, key)) if rule.sends => return Ok(redirect(call, StatusCode::FOUND, rule.https, &key)),
        Some((_, key)) => find(call, &bucket, &website, &key),
        None => find(call, &bucket, &website, key),
    };
    let error = match found {
        Err(error) if error.status.is_client_error() => error,
        found => return found,
    };
    // A document that is not there, or not for everybody, is passed over.
    for rule in &website.rules {
        let Some(key) = rule.for_status(error.status) else { continue };
        match instead(call, &bucket, key) {
            Ok(_) if rule.sends => return Ok(redirect(call, StatusCode::FOUND, rule.https, key)),
            Ok(reply) => return Ok(reply),
            Err(_) => {}
        }
    }
    let mut reply = website.error.and_then(|key| instead(call, &bucket, key).ok()).ok_or_else(|| error.clone())?;
    if website.keeps_status {
        reply.status = error.status;
        reply.code = Some(error.code.into_owned());
    }
    Ok(reply)
}

/// The object for a path: of a directory its index document.
fn find(call: &Call<'_>, bucket: &Arc<Bucket>, website: &Website<'_>, key: &str) -> Result<Reply, CosError> {
    if key.is_empty() || key.ends_with('/') {
        return object(call, bucket, &format!("{key}{}", website.index));
    }
    match object(call, bucket, key) {
        // What is there under the very name comes first (inferred).
        Err(error) if website.finds_html => object(call, bucket, &format!("{key}.html")).or(Err(error)),
        found => found,
    }
}

fn object(call: &Call<'_>, bucket: &Arc<Bucket>, key: &str) -> Result<Reply, CosError> {
    let version = readable(call, bucket, key)?;
    show(call, bucket, &version, call.head.method == Method::GET)
}

/// An object in the place of what was asked for: conditions and ranges are not meant for it.
fn instead(call: &Call<'_>, bucket: &Arc<Bucket>, key: &str) -> Result<Reply, CosError> {
    let version = readable(call, bucket, key)?;
    show_whole(call, bucket, &version, call.head.method == Method::GET)
}

fn readable(call: &Call<'_>, bucket: &Arc<Bucket>, key: &str) -> Result<Arc<Version>, CosError> {
    let found = bucket.find(key, None);
    let standing = access::demand(call, &[access::GET_OBJECT], bucket, key)?;
    may_read(call, standing, bucket, key, found.as_deref().ok())?;
    symlink::follow(call, bucket, found.map_err(|reason| reason.error())?)
}

fn redirect(call: &Call<'_>, status: StatusCode, https: bool, key: &str) -> Reply {
    let scheme = if https || call.peer.tls.is_some() { "https" } else { "http" };
    let mut reply = Reply::new(status);
    reply.set("location", format!("{scheme}://{}/{}", call.head.host, encode_path(key.as_bytes())));
    reply
}

/// The page for an error where the website has none of its own. Its text is inferred.
pub(crate) fn refused(error: &CosError, method: &Method, request_id: &str) -> Reply {
    let mut reply = Reply::new(error.status);
    let title = error.status.to_string();
    if *method != Method::HEAD {
        let page = format!(
            "<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n<li>Code: {}</li>\n\
             <li>Message: {}</li>\n<li>RequestId: {request_id}</li>\n</ul>\n</body>\n</html>\n",
            error.code,
            error.message.replace('&', "&amp;").replace('<', "&lt;")
        );
        reply.body = Body::from(bytes::Bytes::from(page));
        reply.set("content-type", "text/html");
    }
    reply.code = Some(error.code.clone().into_owned());
    reply
}
