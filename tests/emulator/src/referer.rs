//! Hotlink protection: which pages may show the objects of a bucket, by the `Referer` that browsers send.

use crate::error::CosError;
use crate::service::Call;
use crate::store::{Bucket, Setting};
use crate::xml::{Element, parse};

pub(crate) fn check(root: &Element) -> Result<(), CosError> {
    if root.child("VerifySignatureURL").is_some() {
        return Err(CosError::not_implemented("hotlink protection of signed URLs"));
    }
    Rules::read(root).map(drop).ok_or_else(CosError::malformed_xml)
}

/// Refuses a request for an object. A request that is signed may come from anywhere. The documents speak of the default
/// address of a bucket, so the pages of its website are shown to everybody (inferred).
pub(crate) fn check_request(call: &Call<'_>, bucket: &Bucket) -> Result<(), CosError> {
    if !call.is_anonymous() {
        return Ok(());
    }
    let document = bucket.setting(Setting::Referer);
    let root = document.and_then(|document| parse(document.as_bytes()));
    let referer = call.head.header("referer").map(str::trim).unwrap_or_default();
    match root.as_ref().and_then(Rules::read) {
        Some(rules) if !rules.allow(referer) => {
            Err(CosError::new(403, "AccessDenied", "You are denied by bucket referer rule"))
        }
        _ => Ok(()),
    }
}

struct Rules<'d> {
    enabled: bool,
    /// Whether the list is of those that may, not of those that may not.
    white: bool,
    domains: Vec<&'d str>,
    /// Whether a request may have no `Referer`. Not, unless it is said.
    empty: bool,
}

impl<'d> Rules<'d> {
    fn read(root: &'d Element) -> Option<Self> {
        let names = ["Status", "RefererType", "DomainList", "EmptyReferConfiguration"];
        let once = names.iter().all(|name| root.all(name).count() <= 1);
        let list = root.child("DomainList")?;
        if !once || !root.has_only(&names) || !list.has_only(&["Domain"]) {
            return None;
        }
        let domains: Vec<&str> = list.children().iter().map(|domain| domain.text.trim()).collect();
        if domains.is_empty() || domains.iter().any(|domain| domain.is_empty()) {
            return None;
        }
        let one_of = |name: &str, [yes, no]: [&str; 2]| match root.child(name)?.text.trim() {
            text if text == yes => Some(true),
            text if text == no => Some(false),
            _ => None,
        };
        let empty = match root.child("EmptyReferConfiguration") {
            None => false,
            Some(_) => one_of("EmptyReferConfiguration", ["Allow", "Deny"])?,
        };
        Some(Self {
            enabled: one_of("Status", ["Enabled", "Disabled"])?,
            white: one_of("RefererType", ["White-List", "Black-List"])?,
            domains,
            empty,
        })
    }

    fn allow(&self, referer: &str) -> bool {
        if !self.enabled {
            return true;
        }
        if referer.is_empty() {
            return self.empty;
        }
        self.domains.iter().any(|domain| fits(domain, referer)) == self.white
    }
}

/// Whether a domain of the list is what a `Referer` begins with. Without a scheme it stands for both; `*.a.example` is
/// `a.example` and everything under it.
fn fits(domain: &str, referer: &str) -> bool {
    let (domain, referer) = (domain.to_ascii_lowercase(), referer.to_ascii_lowercase());
    let referer = match (domain.contains("://"), referer.split_once("://")) {
        (false, Some((_, rest))) => rest,
        _ => &referer,
    };
    match domain.strip_prefix("*.") {
        Some(domain) => {
            let host = referer.split('/').next().unwrap_or_default();
            let labels = host.match_indices('.').map(|(dot, _)| dot + 1);
            std::iter::once(0).chain(labels).any(|start| begins(&referer[start..], domain))
        }
        None => begins(referer, &domain),
    }
}

/// Whether a text begins with a pattern in which a `*` stands for anything but a slash (inferred, but for `*.`).
fn begins(text: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return text.starts_with(pattern) };
    let Some(rest) = text.strip_prefix(before) else { return false };
    let reach = rest.find('/').unwrap_or(rest.len());
    (0..=reach).filter(|&end| rest.is_char_boundary(end)).any(|end| begins(&rest[end..], after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_a_referer_begins_with() {
        for (domain, referer) in [
            ("example.com", "http://example.com"),
            ("example.com", "https://Example.com/123"),
            ("example.com", "https://example.com:8080/"),
            ("example.com", "https://example.com.cn/"),
            ("www.example.com/a", "https://www.example.com/ab"),
            ("192.168.1.2:8080", "http://192.168.1.2:8080/x"),
            ("*.example.com", "https://example.com/"),
            ("*.example.com", "https://b.example.com"),
            ("*.example.com", "https://a.b.example.com/123"),
            ("https://example.com", "https://example.com/"),
            ("a*.example.com", "https://ab.c.example.com/"),
        ] {
            assert!(fits(domain, referer), "{domain} {referer}");
        }
        for (domain, referer) in [
            ("example.com", "https://www.example.com"),
            ("example.com:8080", "https://example.com"),
            ("*.example.com", "https://badexample.com"),
            ("*.example.com", "https://bad.test/x.example.com"),
            ("https://example.com", "http://example.com"),
            ("a*.example.com", "https://a.test/.example.com"),
        ] {
            assert!(!fits(domain, referer), "{domain} {referer}");
        }
    }
}
