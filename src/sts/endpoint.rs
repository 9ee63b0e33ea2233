//! Where STS is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::{HeaderValue, Uri};

use crate::error::{Error, Result};
use crate::region::Region;

/// Which address of STS to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint(Kind);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Nearest,
    Regional,
    Internal,
    International,
    Custom(Site),
}

/// A host that calls are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) uri: Uri,
    /// With its port unless that is the scheme's own: the `Host` header.
    pub(super) host: HeaderValue,
    /// Whether nobody on the way can write the answer: over TLS, or from this machine.
    pub(super) believable: bool,
}

impl Endpoint {
    /// `sts.tencentcloudapi.com`, which leads to the nearest region of the mainland. The default.
    pub fn nearest() -> Self {
        Self(Kind::Nearest)
    }

    /// `sts.REGION.tencentcloudapi.com`, in the client's region.
    pub fn regional() -> Self {
        Self(Kind::Regional)
    }

    /// `sts.internal.tencentcloudapi.com`, which resolves inside Tencent's network only.
    pub fn internal() -> Self {
        Self(Kind::Internal)
    }

    /// `sts.intl.tencentcloudapi.com`, for accounts of the international site.
    pub fn international() -> Self {
        Self(Kind::International)
    }

    /// An address of your own: scheme, host and maybe a port. Plain http only to this machine, unless
    /// [`allow_http`](super::ClientBuilder::allow_http) is said.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `endpoint`.
    pub fn custom(url: impl AsRef<str>) -> Result<Self> {
        Site::parse(url.as_ref().trim()).map(|site| Self(Kind::Custom(site)))
    }

    pub(super) fn site(&self, region: &Region, allow_http: bool) -> Result<Site> {
        let site = match &self.0 {
            Kind::Nearest => Site::parse(NEAREST)?,
            Kind::Regional => Site::parse(&format!("https://sts.{region}.tencentcloudapi.com"))?,
            Kind::Internal => Site::parse(INTERNAL)?,
            Kind::International => Site::parse(INTERNATIONAL)?,
            Kind::Custom(site) => site.clone(),
        };
        if !site.believable && !allow_http {
            return Err(Error::input("endpoint", "is plain http to another machine; allow_http(true) permits it"));
        }
        Ok(site)
    }
}

/// The URL, with `{region}` where that of the client goes.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Nearest => f.write_str(NEAREST),
            Kind::Regional => f.write_str("https://sts.{region}.tencentcloudapi.com"),
            Kind::Internal => f.write_str(INTERNAL),
            Kind::International => f.write_str(INTERNATIONAL),
            Kind::Custom(site) => f.write_str(site.uri.to_string().trim_end_matches('/')),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        Self::custom(url)
    }
}

const NEAREST: &str = "https://sts.tencentcloudapi.com";
const INTERNAL: &str = "https://sts.internal.tencentcloudapi.com";
const INTERNATIONAL: &str = "https://sts.intl.tencentcloudapi.com";

impl Site {
    fn parse(url: &str) -> Result<Self> {
        let refuse = |why: &'static str| Error::input("endpoint", why);
        let parsed = url::Url::parse(url).map_err(|_| refuse("is not a URL"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(refuse("does not begin with http:// or https://"));
        }
        // The parser has dropped an empty path, a port that is the scheme's own, and nothing else that is visible.
        let more = parsed.path() != "/" || parsed.query().is_some() || parsed.fragment().is_some();
        if more || !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(refuse("has more than scheme, host and port"));
        }
        let uri: Uri = parsed.as_str().parse().map_err(|_| refuse("is not a URL"))?;
        let authority = uri.authority().ok_or_else(|| refuse("has no host"))?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| refuse("has a host no header can carry"))?;
        let name = authority.host().trim_matches(['[', ']']);
        let is_here = name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        Ok(Self { believable: is_here || parsed.scheme() == "https", host, uri })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(endpoint: &Endpoint) -> String {
        endpoint.site(&Region::new("ap-singapore").unwrap(), false).unwrap().uri.to_string()
    }

    #[test]
    fn an_endpoint_is_told_as_it_is_written() {
        let custom: Endpoint = "https://sts.example.com:8443".parse().unwrap();
        assert_eq!(custom.to_string(), "https://sts.example.com:8443");
        for endpoint in [Endpoint::nearest(), Endpoint::internal(), Endpoint::international(), custom] {
            assert_eq!(site(&endpoint.to_string().parse().unwrap()), site(&endpoint));
        }
        assert_eq!(Endpoint::regional().to_string(), "https://sts.{region}.tencentcloudapi.com");
    }

    #[test]
    fn hosts_are_those_of_the_reference() {
        assert_eq!(site(&Endpoint::default()), "https://sts.tencentcloudapi.com/");
        assert_eq!(site(&Endpoint::regional()), "https://sts.ap-singapore.tencentcloudapi.com/");
        assert_eq!(site(&Endpoint::internal()), "https://sts.internal.tencentcloudapi.com/");
        assert_eq!(site(&Endpoint::international()), "https://sts.intl.tencentcloudapi.com/");
        assert_eq!(site(&Endpoint::custom("http://127.0.0.1:9911").unwrap()), "http://127.0.0.1:9911/");
        assert_eq!(site(&Endpoint::custom("http://[::1]:9911/").unwrap()), "http://[::1]:9911/");
        assert_eq!(site(&Endpoint::custom("https://sts.example.com:443").unwrap()), "https://sts.example.com/");
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for bad in ["", "sts.example.com", "ftp://a", "https://", "https://a/b", "https://a?b", "https://u:p@a"] {
            assert_eq!(Endpoint::custom(bad).unwrap_err().field(), Some("endpoint"), "{bad}");
        }
        let plain = Endpoint::custom("http://sts.example.com").unwrap();
        let region = Region::new("ap-x").unwrap();
        assert_eq!(plain.site(&region, false).unwrap_err().field(), Some("endpoint"));
        assert!(!plain.site(&region, true).unwrap().believable);
    }
}
