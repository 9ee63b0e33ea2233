//! Custom domains: the document that sets them, and which bucket a host stands for.
//!
//! There is no DNS here: a domain is in force as soon as it is set, and who takes one from another bucket
//! (`ForcedReplacement`) is believed to own it. So `DNSRecordVerifyFailed` and `DomainAuditFailed` are never answered.

use std::sync::Arc;

use md5::{Digest, Md5};

use crate::address::{Bound, Origin};
use crate::bucket::deny_strangers;
use crate::error::CosError;
use crate::receive::receive_document_within;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Bucket, Setting, Store};
use crate::xml::{Document, Element, parse};
use crate::{certificate, settings};

pub(crate) const ROOT: &str = "DomainConfiguration";

const LONGEST: usize = 2 * 1024 * 1024;

/// The reference names this limit; what is answered beyond it is inferred.
const MOST: usize = 20;

pub(crate) fn unset() -> CosError {
    CosError::new(404, "DomainConfigNotFoundError", "The specified bucket does not have a domain configuration.")
}

struct Rule {
    name: String,
    enabled: bool,
    origin: Origin,
    /// Not kept: the reference does not show it in answers.
    takes_over: bool,
}

impl Rule {
    fn read(element: &Element) -> Option<Self> {
        let names = ["Status", "Name", "Type", "ForcedReplacement"];
        if !element.has_only(&names) || names.iter().any(|name| element.all(name).count() > 1) {
            return None;
        }
        Some(Self {
            name: element.text_of("Name").filter(|name| is_domain(name))?.to_ascii_lowercase(),
            enabled: match element.text_of("Status")? {
                "ENABLED" => true,
                "DISABLED" => false,
                _ => return None,
            },
            origin: match element.text_of("Type")? {
                "REST" => Origin::Rest,
                "WEBSITE" => Origin::Website,
                "ACCELERATE" => Origin::Accelerate,
                _ => return None,
            },
            takes_over: match element.text_of("ForcedReplacement") {
                None => false,
                Some("CNAME" | "TXT") => true,
                Some(_) => return None,
            },
        })
    }

    fn write(&self, document: &mut Document) {
        document.open("DomainRule");
        document.text("Status", if self.enabled { "ENABLED" } else { "DISABLED" });
        document.text("Name", &self.name);
        let origin = match self.origin {
            Origin::Rest => "REST",
            Origin::Website => "WEBSITE",
            Origin::Accelerate => "ACCELERATE",
        };
        document.text("Type", origin);
        document.close();
    }
}

fn read(root: &Element) -> Option<Vec<Rule>> {
    let rules = root.has_only(&["DomainRule"]).then(|| root.children().iter().map(Rule::read));
    rules?.collect::<Option<Vec<_>>>().filter(|rules| !rules.is_empty())
}

fn write(rules: &[Rule]) -> Option<String> {
    let mut document = Document::new(ROOT);
    for rule in rules {
        rule.write(&mut document);
    }
    (!rules.is_empty()).then(|| document.finish())
}

/// What is set of a bucket.
fn of(bucket: &Bucket) -> Vec<Rule> {
    let document = bucket.setting(Setting::Domain);
    document.and_then(|document| read(&parse(document.as_bytes())?)).unwrap_or_default()
}

/// A name of two labels or more that is none of the service's own.
fn is_domain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let lower = name.to_ascii_lowercase();
    let own = [".myqcloud.com", ".tencentcos.cn"].iter().any(|suffix| lower.ends_with(suffix));
    let numeric = lower.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 253 && name.contains('.') && name.split('.').all(label) && !own && !numeric
}

/// What a host stands for by the custom domains of all buckets.
pub(crate) fn find(store: &Store, host: &str) -> Option<Bound> {
    store.buckets().into_iter().find_map(|bucket| {
        let rule = of(&bucket).into_iter().find(|rule| rule.enabled && rule.name == host)?;
        Some(Bound { bucket: bucket.name.clone(), origin: rule.origin })
    })
}

/// Whether the bucket has this domain, in force or not.
pub(crate) fn has(bucket: &Bucket, name: &str) -> bool {
    of(bucket).iter().any(|rule| rule.name.eq_ignore_ascii_case(name))
}

pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let document = receive_document_within(call, ROOT, LONGEST).await?;
    let rules = read(&document).ok_or_else(CosError::malformed_xml)?;
    if rules.len() > MOST {
        return Err(CosError::invalid_argument("There are more than 20 domains."));
    }
    let twice = |at: usize| rules[..at].iter().any(|earlier| earlier.name == rules[at].name);
    if (0..rules.len()).any(twice) {
        return Err(conflict());
    }
    let _alone = call.world.hold_domains();
    let others: Vec<_> = call.world.store.buckets().into_iter().filter(|other| other.name != bucket.name).collect();
    let owner = |name: &str| others.iter().find(|other| has(other, name));
    for rule in &rules {
        // The documents of the SDKs name both, as 409; the code of the second is inferred.
        match owner(&rule.name) {
            Some(_) if !rule.takes_over => {
                return Err(CosError::new(409, "RecordAlreadyExist", "The domain is that of another bucket."));
            }
            None if rule.takes_over && !has(&bucket, &rule.name) => return Err(conflict()),
            _ => {}
        }
    }
    for rule in &rules {
        if let Some(other) = owner(&rule.name) {
            lose(other, &rule.name)?;
        }
    }
    for rule in of(&bucket).iter().filter(|old| rules.iter().all(|new| new.name != old.name)) {
        certificate::forget(&bucket, &rule.name)?;
    }
    bucket.set(Setting::Domain, write(&rules))?;
    Ok(Reply::ok())
}

fn conflict() -> CosError {
    CosError::new(409, "DomainConfigConflict", "The domain configuration contradicts itself, or what is set.")
}

/// Another bucket has the domain now.
fn lose(bucket: &Arc<Bucket>, name: &str) -> Result<(), CosError> {
    let mut rules = of(bucket);
    rules.retain(|rule| rule.name != name);
    certificate::forget(bucket, name)?;
    bucket.set(Setting::Domain, write(&rules))
}

pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    let mut reply = settings::get(call, Setting::Domain)?;
    let bucket = call.bucket()?;
    reply.set("x-cos-domain-txt-verification", format!("tencent-cloud-cos-verification={}", verification(&bucket)));
    Ok(reply)
}

/// The MD5 of `cos`, region, name and the time the bucket was made, as the documents of the SDKs say. How these stand
/// beside each other, and how the time is spelled, is inferred.
fn verification(bucket: &Bucket) -> String {
    let made = std::time::UNIX_EPOCH + std::time::Duration::from_secs(bucket.created / 1_000_000);
    hex::encode(Md5::digest(format!("cos{}{}{}", bucket.region, bucket.name, httpdate::fmt_http_date(made))))
}

/// Removes all of them, with their certificates (inferred).
pub(crate) fn delete(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let _alone = call.world.hold_domains();
    bucket.set(Setting::Certificates, None)?;
    bucket.set(Setting::Domain, None)?;
    Ok(Reply::no_content())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_name_of_ones_own() {
        for name in ["example.com", "a-b.example.com", "WWW.Example.com", "xn--fiq228c.example", "1.example"] {
            assert!(is_domain(name), "{name}");
        }
        let (long, longest) = (format!("{}.example", "a".repeat(64)), format!("{}com", "a.".repeat(126)));
        for name in [
            "example",
            "",
            ".example.com",
            "example.com.",
            "-a.example.com",
            "a b.com",
            "*.example.com",
            "example.com:80",
            "127.0.0.1",
            "b-1250000000.cos.ap-guangzhou.myqcloud.com",
            "b-1250000000.cos.ap-guangzhou.TencentCOS.cn",
            &long,
            &longest,
        ] {
            assert!(!is_domain(name), "{name}");
        }
    }
}
