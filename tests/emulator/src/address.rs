//! Who is meant: the account, or a bucket and maybe an object in it, read from Host and path.

use std::collections::HashMap;
use std::net::IpAddr;

/// The addressee of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// The list of buckets, of one region if the host names one.
    Service { region: Option<String> },
    /// A bucket; an object in it unless `key` is empty.
    /// `website` is whether the host is one of its static website.
    Bucket { bucket: String, region: Region, key: Vec<u8>, path_style: bool, website: bool },
    /// A host of COS that this emulator does not play, such as `ci` or `cos-control`.
    Foreign { service: String },
    /// A host or a path that names no bucket.
    Nowhere,
}

/// What the host says about where the bucket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Region {
    /// A region by name. A bucket elsewhere does not exist there.
    Named(String),
    /// The acceleration endpoint, which serves every region but no bucket administration.
    Accelerate,
    /// An IP address, localhost, or a custom domain: nothing.
    Unsaid,
}

/// Hosts that stand for a bucket without naming it.
pub(crate) type Domains = HashMap<String, String>;

/// What a custom domain stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) bucket: String,
    pub(crate) origin: Origin,
}

/// How a custom domain shows its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Rest,
    Website,
    Accelerate,
}

const INTERNAL: &str = "cos-internal";
const INTERNAL_SUFFIX: &str = ".tencentcos.cn";
const SUFFIXES: [&str; 2] = [".myqcloud.com", INTERNAL_SUFFIX];
const WEBSITE_INTERNAL: &str = "cos-website-internal";
const WEBSITES: [&str; 2] = ["cos-website", WEBSITE_INTERNAL];
const BUCKET_SERVICES: [&str; 3] = ["cos", INTERNAL, "cos-dualstack"];

/// Resolves `host` (as received, port and all) and the decoded path. `custom` knows the domains that are set of buckets.
pub(crate) fn resolve(host: &str, path: &[u8], domains: &Domains, custom: impl Fn(&str) -> Option<Bound>) -> Address {
    let host = host.to_ascii_lowercase();
    let name = without_port(&host);
    if let Some(bucket) = domains.get(&host).or_else(|| domains.get(name)) {
        return in_bucket(bucket, Region::Unsaid, path);
    }
    for suffix in SUFFIXES {
        if let Some(labels) = name.strip_suffix(suffix) {
            // The private network has no host under the older domain.
            if suffix != INTERNAL_SUFFIX && labels.split('.').any(|label| [INTERNAL, WEBSITE_INTERNAL].contains(&label))
            {
                return Address::Foreign { service: INTERNAL.to_owned() };
            }
            return resolve_official(labels, path);
        }
    }
    if name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return resolve_path_style(path);
    }
    match custom(name) {
        Some(Bound { bucket, origin: Origin::Rest }) => return in_bucket(&bucket, Region::Unsaid, path),
        Some(Bound { bucket, origin: Origin::Accelerate }) => return in_bucket(&bucket, Region::Accelerate, path),
        Some(Bound { bucket, origin: Origin::Website }) => return page_of(&bucket, Region::Unsaid, path),
        None => {}
    }
    match name.split_once('.') {
        Some((label, _)) if is_bucket_name(label) => in_bucket(label, Region::Unsaid, path),
        _ => Address::Nowhere,
    }
}

/// `labels` is what stands before `.myqcloud.com`: `bucket.cos.region`, `cos.region`, `service.cos`, …
fn resolve_official(labels: &str, path: &[u8]) -> Address {
    let labels: Vec<&str> = labels.split('.').collect();
    match labels.as_slice() {
        ["service", "cos"] => Address::Service { region: None },
        [service, region] if BUCKET_SERVICES.contains(service) => {
            Address::Service { region: Some((*region).to_owned()) }
        }
        [bucket, service, region] if BUCKET_SERVICES.contains(service) => {
            let region = match *region {
                "accelerate" => Region::Accelerate,
                region => Region::Named(region.to_owned()),
            };
            in_bucket(bucket, region, path)
        }
        [bucket, service, region] if WEBSITES.contains(service) => {
            page_of(bucket, Region::Named((*region).to_owned()), path)
        }
        [.., service, _] => Address::Foreign { service: (*service).to_owned() },
        _ => Address::Nowhere,
    }
}

fn resolve_path_style(path: &[u8]) -> Address {
    let rest = path.strip_prefix(b"/").unwrap_or(path);
    if rest.is_empty() {
        return Address::Service { region: None };
    }
    let (bucket, key) = match rest.iter().position(|&byte| byte == b'/') {
        Some(slash) => (&rest[..slash], &rest[slash + 1..]),
        None => (rest, &rest[rest.len()..]),
    };
    match std::str::from_utf8(bucket) {
        Ok(bucket) if is_bucket_name(bucket) => Address::Bucket {
            bucket: bucket.to_owned(),
            region: Region::Unsaid,
            key: key.to_vec(),
            path_style: true,
            website: false,
        },
        _ => Address::Nowhere,
    }
}

fn in_bucket(bucket: &str, region: Region, path: &[u8]) -> Address {
    Address::Bucket { bucket: bucket.to_owned(), region, key: key_of(path), path_style: false, website: false }
}

fn page_of(bucket: &str, region: Region, path: &[u8]) -> Address {
    Address::Bucket { bucket: bucket.to_owned(), region, key: key_of(path), path_style: false, website: true }
}

fn key_of(path: &[u8]) -> Vec<u8> {
    path.strip_prefix(b"/").unwrap_or(path).to_vec()
}

pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// `name-appid`: lower-case letters, digits and hyphens, none at the ends, digits after the last hyphen.
pub(crate) fn is_bucket_name(text: &str) -> bool {
    let Some((name, appid)) = text.rsplit_once('-') else { return false };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty()
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.bytes().all(plain)
        && !appid.is_empty()
        && appid.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[a-z0-9]([a-z0-9-]*[a-z0-9])?`. The set of regions is open.
pub(crate) fn is_region_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(host: &str, path: &str) -> (String, Region, String) {
        let domains = Domains::from([("cdn.example.com".to_owned(), "pics-1250000000".to_owned())]);
        match resolve(host, path.as_bytes(), &domains, |_| None) {
            Address::Bucket { bucket, region, key, .. } => (bucket, region, String::from_utf8(key).unwrap()),
            other => panic!("{host}{path} is {other:?}"),
        }
    }

    #[test]
    fn official_hosts_name_bucket_and_region() {
        let region = Region::Named("ap-guangzhou".to_owned());
        for host in [
            "pics-1250000000.cos.ap-guangzhou.myqcloud.com",
            "pics-1250000000.cos.ap-guangzhou.myqcloud.com:9911",
            "pics-1250000000.cos.ap-guangzhou.tencentcos.cn",
            "pics-1250000000.cos-internal.ap-guangzhou.tencentcos.cn",
            "Pics-1250000000.cos.ap-guangzhou.MYQCLOUD.com",
        ] {
            assert_eq!(
                bucket(host, "/a/b"),
                ("pics-1250000000".to_owned(), region.clone(), "a/b".to_owned()),
                "{host}"
            );
        }
        assert_eq!(bucket("cos-internal-1250000000.cos.ap-guangzhou.myqcloud.com", "/x").0, "cos-internal-1250000000");
        assert_eq!(bucket("pics-1250000000.cos.accelerate.myqcloud.com", "//x").1, Region::Accelerate);
    }

    #[test]
    fn an_ip_address_takes_the_bucket_from_the_path() {
        for host in ["127.0.0.1:9911", "localhost", "localhost:1", "[::1]:80"] {
            assert_eq!(bucket(host, "/pics-1250000000/a//b").2, "a//b", "{host}");
            assert_eq!(bucket(host, "/pics-1250000000").2, "");
            assert_eq!(resolve(host, b"/", &Domains::new(), |_| None), Address::Service { region: None });
            assert_eq!(resolve(host, b"/pics/x", &Domains::new(), |_| None), Address::Nowhere);
        }
    }

    #[test]
    fn a_custom_domain_and_an_unknown_suffix_name_the_bucket() {
        assert_eq!(bucket("cdn.example.com:8080", "/k").0, "pics-1250000000");
        assert_eq!(bucket("pics-1250000000.localhost:9911", "/k").0, "pics-1250000000");
        assert_eq!(resolve("example.com", b"/k", &Domains::new(), |_| None), Address::Nowhere);
    }

    #[test]
    fn service_hosts_and_hosts_of_other_services() {
        let none = Domains::new();
        assert_eq!(resolve("service.cos.myqcloud.com", b"/", &none, |_| None), Address::Service { region: None });
        let region = Some("ap-beijing".to_owned());
        assert_eq!(resolve("cos.ap-beijing.myqcloud.com:80", b"/", &none, |_| None), Address::Service { region });
        for (host, service) in
            [("p-1.ci", "ci"), ("p-1.cos-internal", "cos-internal"), ("cos-internal", "cos-internal")]
        {
            let found = resolve(&format!("{host}.ap-beijing.myqcloud.com"), b"/", &none, |_| None);
            assert_eq!(found, Address::Foreign { service: service.to_owned() });
        }
    }
}
