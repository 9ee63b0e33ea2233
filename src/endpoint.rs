//! Which host a request goes to: the endpoint a client is given, and the address it makes for a bucket.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderValue;
use http::uri::Authority;

use crate::error::{Error, Result};
use crate::name::display_name;
use crate::region::{BucketName, Region};

/// Which hosts the client talks to.
///
/// COS reference: [Regions and access endpoints](https://cloud.tencent.com/document/product/436/6224)
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Endpoint(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
enum Kind {
    /// `BUCKET.cos.REGION.myqcloud.com`
    #[default]
    Default,
    /// `BUCKET.cos.REGION.tencentcos.cn`
    TencentCos,
    /// `BUCKET.cos-internal.REGION.tencentcos.cn`
    Internal,
    /// `BUCKET.cos.accelerate.myqcloud.com`
    Accelerate,
    Custom(Custom),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Custom {
    scheme: Scheme,
    /// Host and, unless it is the scheme's own, port. May hold `{bucket}` and `{region}`.
    authority: String,
    style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Style {
    /// The bucket is the first segment of the path.
    Path,
    /// The bucket is part of the host.
    VirtualHost,
    /// The host is one bucket.
    Bound,
}

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text; for a loopback address, or where the client was told to allow it.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub(crate) fn of_url(self) -> http::uri::Scheme {
        match self {
            Self::Http => http::uri::Scheme::HTTP,
            Self::Https => http::uri::Scheme::HTTPS,
        }
    }
}

display_name!(Scheme);

impl Endpoint {
    /// The hosts under `myqcloud.com`, over https. The default.
    pub fn myqcloud() -> Self {
        Self(Kind::Default)
    }

    /// The hosts under `tencentcos.cn`, over https.
    pub fn tencentcos() -> Self {
        Self(Kind::TencentCos)
    }

    /// The hosts that resolve inside Tencent's network only, over https.
    pub fn internal() -> Self {
        Self(Kind::Internal)
    }

    /// Global acceleration, over https, for a bucket where it is on: see
    /// [`PutBucketAccelerate`](crate::PutBucketAccelerate). It serves objects, not the administration of buckets.
    ///
    /// COS reference: [Global acceleration](https://cloud.tencent.com/document/product/436/38866)
    pub fn accelerate() -> Self {
        Self(Kind::Accelerate)
    }

    /// An address of your own: a custom domain, a local emulator, a private deployment.
    ///
    /// `http://127.0.0.1:9911` (an IP address or `localhost`) is addressed path style, with the bucket in the path. A
    /// host that contains `{bucket}`, like `https://{bucket}.cos.{region}.example.com`, is addressed virtual-host
    /// style. Any other host, like `https://static.example.com`, is taken as the domain of one bucket.
    ///
    /// What other tools call the endpoint of a region, `cos.ap-guangzhou.myqcloud.com`, names no bucket and is refused:
    /// the default host of a bucket needs no endpoint, only the [`Region`].
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `endpoint`: no `http://` or `https://`, no host, user
    /// information, a path, a query, characters no host has, or a host of COS that names no bucket.
    pub fn custom(url: impl AsRef<str>) -> Result<Self> {
        let refuse = |why: &'static str| Err(Error::input("endpoint", why));
        let url = url.as_ref().trim();
        let (scheme, rest) = match url.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => return refuse("does not begin with http:// or https://"),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // The scheme's own port does not stand in the Host header.
        let own_port = if scheme == Scheme::Https { ":443" } else { ":80" };
        let authority = authority.strip_suffix(own_port).unwrap_or(authority);
        if authority.contains(['/', '?', '#', '@', '\\', '%']) {
            return refuse("has more than scheme, host and port");
        }
        // A placeholder filled with a real label shows what the library that sends the request will make of the host.
        let sample = authority.replace("{bucket}", "bucket-1").replace("{region}", "region");
        let Some(host) = host_of(scheme, &sample) else {
            return refuse("has no host, or one that is not plain lower-case ASCII");
        };
        if matches!(service_of(&host), Some("")) {
            return refuse(
                "is that of a region, not of a bucket: leave it out and set the region, or write \
                 https://{bucket}.cos.{region}.myqcloud.com",
            );
        }
        let style = if is_local(&host) {
            Style::Path
        } else if authority.contains("{bucket}") {
            Style::VirtualHost
        } else {
            Style::Bound
        };
        Ok(Self(Kind::Custom(Custom { scheme, authority: authority.to_owned(), style })))
    }

    /// The address of a bucket, or of the service when there is no bucket.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input): with field `bucket` when the default host would be longer than
    /// the 60 characters COS allows, with field `endpoint` when a domain of one bucket is asked for the service or is
    /// the default domain of another bucket, or when the bucket is more or less than the first label.
    pub fn address(&self, bucket: Option<&BucketName>, region: &Region) -> Result<Address> {
        let mut prefix = String::new();
        let (scheme, host) = match (&self.0, bucket) {
            (Kind::Custom(custom), _) => {
                let mut host = custom.authority.replace("{region}", region.as_str());
                match (custom.style, bucket) {
                    (Style::Path, Some(bucket)) => prefix = format!("/{bucket}"),
                    (Style::VirtualHost, Some(bucket)) => host = host.replace("{bucket}", bucket.as_str()),
                    (Style::VirtualHost, None) => match host.strip_prefix("{bucket}.") {
                        Some(rest) if !rest.contains("{bucket}") => host = rest.to_owned(),
                        // What is left without it is the host of somebody else.
                        _ => return Err(Error::input("endpoint", "has {bucket} not as its first label alone")),
                    },
                    // COS would take what is meant for one bucket as meant for the other.
                    (Style::Bound, Some(bucket))
                        if service_of(without_port(&host)).is_some_and(|named| named != bucket.as_str()) =>
                    {
                        return Err(Error::input(
                            "endpoint",
                            "is the domain of another bucket; {bucket} in its place stands for any",
                        ));
                    }
                    (Style::Path, None) | (Style::Bound, Some(_)) => {}
                    (Style::Bound, None) => {
                        return Err(Error::input(
                            "endpoint",
                            "is the domain of one bucket and does not serve the account",
                        ));
                    }
                }
                (custom.scheme, host)
            }
            (Kind::Default, Some(bucket)) => (Scheme::Https, format!("{bucket}.cos.{region}.myqcloud.com")),
            (Kind::TencentCos, Some(bucket)) => (Scheme::Https, format!("{bucket}.cos.{region}.tencentcos.cn")),
            (Kind::Internal, Some(bucket)) => (Scheme::Https, format!("{bucket}.cos-internal.{region}.tencentcos.cn")),
            (Kind::Accelerate, Some(bucket)) => (Scheme::Https, format!("{bucket}.cos.accelerate.myqcloud.com")),
            (Kind::TencentCos | Kind::Internal, None) => (Scheme::Https, "service.cos.tencentcos.cn".to_owned()),
            (Kind::Default | Kind::Accelerate, None) => (Scheme::Https, "service.cos.myqcloud.com".to_owned()),
        };
        if host.len() > 60 && bucket.is_some() && !matches!(self.0, Kind::Custom(_)) {
            return Err(Error::input("bucket", "makes a host longer than the 60 characters COS allows"));
        }
        let authority = Authority::try_from(host).map_err(|_| Error::input("endpoint", "has a host no URL has"))?;
        let host = HeaderValue::from_str(authority.as_str());
        let host = host.map_err(|_| Error::input("endpoint", "has a host no header can carry"))?;
        Ok(Address(Arc::new(Parts { scheme, authority, host, prefix })))
    }
}

impl Endpoint {
    /// The other host of a bucket, for default hosts only.
    #[cfg(feature = "client")]
    pub(crate) fn backup(&self, bucket: Option<&BucketName>, region: &Region) -> Option<Address> {
        match self.0 {
            Kind::Default => Self::tencentcos().address(Some(bucket?), region).ok(),
            _ => None,
        }
    }
}

/// The host, without its port, if clients send both as they stand here; the port of the scheme they leave out.
pub(crate) fn host_of(scheme: Scheme, authority: &str) -> Option<String> {
    let url = url::Url::parse(&format!("{scheme}://{authority}/")).ok()?;
    let host = url.host_str()?;
    let sent = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    // That library takes signs in a name that others do not.
    (sent == authority && Authority::try_from(sent).is_ok()).then(|| host.to_owned())
}

/// The URL of a bucket, with `{bucket}` and `{region}` where its name and its region go.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Default => f.write_str("https://{bucket}.cos.{region}.myqcloud.com"),
            Kind::TencentCos => f.write_str("https://{bucket}.cos.{region}.tencentcos.cn"),
            Kind::Internal => f.write_str("https://{bucket}.cos-internal.{region}.tencentcos.cn"),
            Kind::Accelerate => f.write_str("https://{bucket}.cos.accelerate.myqcloud.com"),
            Kind::Custom(custom) => write!(f, "{}://{}", custom.scheme, custom.authority),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        Self::custom(url)
    }
}

/// Where a request goes: scheme, host with port, and the encoded path before the key. Built once for a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Arc<Parts>);

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    scheme: Scheme,
    authority: Authority,
    /// The same, for the header of every request.
    host: HeaderValue,
    prefix: String,
}

impl Address {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The host as it stands in the `Host` header: with its port unless that is the scheme's own.
    pub fn host(&self) -> &str {
        self.0.authority.as_str()
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.0.authority
    }

    pub(crate) fn host_header(&self) -> &HeaderValue {
        &self.0.host
    }

    /// What stands in the path before the key: `/BUCKET` in path style, else empty.
    pub fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// Whether the host is this machine: what goes there cannot be overheard.
    pub fn is_loopback(&self) -> bool {
        let host = without_port(self.host());
        host == "localhost" || ip(host).is_some_and(|ip| ip.is_loopback())
    }
}

/// Of a host that COS itself gave out, what stands before `cos.REGION.…`: a bucket, or nothing.
fn service_of(host: &str) -> Option<&str> {
    let host = host.strip_suffix(".myqcloud.com").or_else(|| host.strip_suffix(".tencentcos.cn"))?;
    let is_service = |label: &str| matches!(label, "cos" | "cos-internal");
    match host.split('.').collect::<Vec<_>>()[..] {
        [service, _] if is_service(service) => Some(""),
        ["service", service] if is_service(service) => Some(""),
        [bucket, service, _] if is_service(service) => Some(bucket),
        _ => None,
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || ip(host).is_some()
}

fn ip(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        // not inside the brackets of an IPv6 address
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(endpoint: &Endpoint) -> (String, String) {
        let (bucket, region) = (BucketName::new("b-1").unwrap(), Region::new("ap-x").unwrap());
        let address = endpoint.address(Some(&bucket), &region).unwrap();
        (format!("{}://{}", address.scheme().as_str(), address.host()), address.prefix().to_owned())
    }

    #[test]
    fn an_endpoint_is_told_as_it_is_written() {
        assert_eq!(Scheme::Https.to_string(), "https");
        let custom =
            ["http://127.0.0.1:9911", "https://{bucket}.cos.{region}.example.com", "https://static.example.com"];
        let custom = custom.map(|url| Endpoint::custom(url).unwrap());
        for endpoint in custom {
            assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
        }
        for endpoint in [Endpoint::myqcloud(), Endpoint::tencentcos(), Endpoint::internal(), Endpoint::accelerate()] {
            assert_eq!(address(&endpoint.to_string().parse().unwrap()), address(&endpoint));
        }
    }

    #[test]
    fn the_documented_hosts() {
        let host = |endpoint: Endpoint| address(&endpoint).0;
        assert_eq!(host(Endpoint::default()), "https://b-1.cos.ap-x.myqcloud.com");
        assert_eq!(host(Endpoint::tencentcos()), "https://b-1.cos.ap-x.tencentcos.cn");
        assert_eq!(host(Endpoint::internal()), "https://b-1.cos-internal.ap-x.tencentcos.cn");
        assert_eq!(host(Endpoint::accelerate()), "https://b-1.cos.accelerate.myqcloud.com");
    }

    #[test]
    fn a_custom_host_tells_its_style() {
        let custom = |url: &str| address(&Endpoint::custom(url).unwrap());
        for (url, host, prefix) in [
            ("http://127.0.0.1:9911", "http://127.0.0.1:9911", "/b-1"),
            ("http://[::1]:9911/", "http://[::1]:9911", "/b-1"),
            ("https://localhost:1", "https://localhost:1", "/b-1"),
            ("https://{bucket}.cos.{region}.example.com", "https://b-1.cos.ap-x.example.com", ""),
            ("https://static.example.com:8443", "https://static.example.com:8443", ""),
            ("https://static.example.com:443", "https://static.example.com", ""),
        ] {
            assert_eq!(custom(url), (host.to_owned(), prefix.to_owned()), "{url}");
        }
    }

    #[test]
    fn a_malformed_endpoint_is_refused() {
        for url in [
            "",
            "example.com",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://u@a",
            "https://a?b",
            "https://a b",
            "https://ex\u{e4}mple.com",
            "https://a:99999",
            "https://a\r\nx:y",
            "https://{bukket}.example.com",
            "https://{bucket}.a\"b.example.com",
        ] {
            assert_eq!(Endpoint::custom(url).unwrap_err().field(), Some("endpoint"), "{url}");
        }
    }

    #[test]
    fn the_host_of_a_region_is_no_endpoint() {
        for url in [
            "https://cos.ap-guangzhou.myqcloud.com",
            "https://cos.{region}.myqcloud.com/",
            "http://cos.ap-guangzhou.tencentcos.cn:80",
            "https://cos-internal.ap-guangzhou.tencentcos.cn",
            "https://cos.accelerate.myqcloud.com",
            "https://service.cos.myqcloud.com",
        ] {
            let error = Endpoint::custom(url).unwrap_err();
            assert_eq!(error.field(), Some("endpoint"), "{url}");
            assert!(error.to_string().contains("set the region"), "{error}");
        }
    }

    #[test]
    fn the_default_domain_of_a_bucket_serves_no_other() {
        let region = Region::new("ap-x").unwrap();
        let [ours, other] = ["b-1", "c-1"].map(|name| BucketName::new(name).unwrap());
        for url in [
            "https://b-1.cos.ap-x.myqcloud.com",
            "https://b-1.cos.{region}.tencentcos.cn:8443",
            "https://b-1.cos-internal.ap-x.tencentcos.cn",
            "https://b-1.cos.accelerate.myqcloud.com",
        ] {
            let endpoint = Endpoint::custom(url).unwrap();
            assert!(endpoint.address(Some(&ours), &region).is_ok(), "{url}");
            let error = endpoint.address(Some(&other), &region).unwrap_err();
            assert_eq!(error.field(), Some("endpoint"), "{url}");
        }
        // Nothing is known of the rest.
        for url in [
            "https://static.example.com",
            "https://b-1.file.myqcloud.com",
            "https://service.file.myqcloud.com",
            "https://b-1.file.ap-x.myqcloud.com",
            "https://cos.ap-x.example.com",
        ] {
            assert!(Endpoint::custom(url).unwrap().address(Some(&other), &region).is_ok(), "{url}");
        }
    }

    #[test]
    fn without_a_bucket_nothing_of_its_place_stays_in_the_host() {
        let region = Region::new("ap-x").unwrap();
        let service = |url: &str| Endpoint::custom(url).unwrap().address(None, &region);
        assert_eq!(service("https://{bucket}.cos.example.com").unwrap().host(), "cos.example.com");
        for url in ["https://{bucket}.{bucket}.example.com", "https://a-{bucket}.example.com"] {
            assert_eq!(service(url).unwrap_err().field(), Some("endpoint"), "{url}");
        }
    }

    #[test]
    fn loopback_is_recognised() {
        let (bucket, region) = (BucketName::new("b-1").unwrap(), Region::new("r").unwrap());
        let loopback =
            |url: &str| Endpoint::custom(url).unwrap().address(Some(&bucket), &region).unwrap().is_loopback();
        assert!(loopback("http://127.0.0.1:1") && loopback("http://localhost") && loopback("http://[::1]:1"));
        assert!(!loopback("http://10.0.0.1") && !loopback("http://localhost.example.com"));
    }

    #[test]
    fn a_host_over_60_characters_is_refused() {
        let bucket = BucketName::new(format!("{}-1250000000", "a".repeat(40))).unwrap();
        let error = Endpoint::default().address(Some(&bucket), &Region::new("ap-guangzhou").unwrap()).unwrap_err();
        assert_eq!(error.field(), Some("bucket"));
    }
}
