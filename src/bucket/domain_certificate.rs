use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::answer::{Done, request_id};
use crate::bucket::domain::is_domain;
use crate::error::{Error, Result};
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::time::from_unix_seconds;
use crate::xml;

/// A certificate for custom domains, and its private key.
///
/// Cheap to clone. `Debug` shows nothing of the key, which is wiped from memory with the last clone.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomCertificate(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Id(String),
    Pem { chain: Arc<str>, private_key: Arc<Zeroizing<String>> },
}

impl CustomCertificate {
    /// As PEM: the certificate of the domain with those that vouch for it behind it, and its private key.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when one is not PEM, a private key stands in the certificate, or
    /// the key is encrypted.
    pub fn pem(certificate: impl AsRef<str>, private_key: impl Into<String>) -> Result<Self> {
        let (chain, private_key) = (certificate.as_ref(), Zeroizing::new(private_key.into()));
        let is_text = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'));
        if !is_text(chain) || !has_block(chain, "CERTIFICATE-----") {
            return Err(Error::input("certificate", "is not PEM"));
        }
        if chain.contains("PRIVATE KEY-----") {
            return Err(Error::input("certificate", "has a private key in it"));
        }
        if !is_text(&private_key) || !has_block(&private_key, "PRIVATE KEY-----") {
            return Err(Error::input("private_key", "is not PEM"));
        }
        if private_key.contains("ENCRYPTED") {
            return Err(Error::input("private_key", "is encrypted: COS cannot use it"));
        }
        Ok(Self(Source::Pem { chain: chain.into(), private_key: Arc::new(private_key) }))
    }

    /// One that Tencent Cloud has already, by its `CertId`.
    pub fn id(cert_id: impl Into<String>) -> Self {
        Self(Source::Id(cert_id.into()))
    }
}

/// Whether there is a block of PEM whose label ends so.
fn has_block(text: &str, label: &str) -> bool {
    let line = |begin: &str| text.lines().any(|line| line.starts_with(begin) && line.trim_end().ends_with(label));
    line("-----BEGIN ") && line("-----END ")
}

impl fmt::Debug for CustomCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Id(id) => f.debug_tuple("CustomCertificate").field(id).finish(),
            Source::Pem { .. } => f.write_str("CustomCertificate(***)"),
        }
    }
}

/// Gives custom domains of the bucket a certificate, in place of the one they had.
///
/// It may be repeated freely. COS shows the certificate to visitors some time later. Send it over https: the private
/// key is in it.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`, and `InvalidArgument`
/// when COS finds fault with the certificate. [`ErrorKind::Input`](crate::ErrorKind::Input) without a domain, for one
/// that has other than letters, digits, hyphens and dots, or for an empty id.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{CustomCertificate, PutBucketDomainCertificate};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> Result<(), Box<dyn std::error::Error>> {
/// let (chain, key) = (std::fs::read_to_string("cdn.pem")?, std::fs::read_to_string("cdn.key")?);
/// let certificate = CustomCertificate::pem(chain, key)?;
/// bucket.send(PutBucketDomainCertificate::new(certificate, ["cdn.example.com"])).await?;
/// # Ok(())
/// # }
/// ```
///
/// The COS reference has no page for it: it is as the official SDKs send it.
#[doc(alias = "PUT Bucket domaincertificate")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketDomainCertificate {
    certificate: CustomCertificate,
    domains: Vec<String>,
}

impl PutBucketDomainCertificate {
    /// This, to these domains.
    pub fn new<D: Into<String>>(certificate: CustomCertificate, domains: impl IntoIterator<Item = D>) -> Self {
        Self { certificate, domains: domains.into_iter().map(Into::into).collect() }
    }

    /// The document, in one place that is wiped: it never grows beyond what it begins with.
    fn document(&self) -> Zeroizing<String> {
        let texts: usize = match &self.certificate.0 {
            Source::Id(id) => id.len(),
            Source::Pem { chain, private_key } => chain.len() + private_key.len(),
        };
        let names: usize = self.domains.iter().map(|name| name.len() + 32).sum();
        let mut document = Zeroizing::new(String::with_capacity(512 + texts * "&quot;".len() + names));
        document.push_str("<DomainCertificate><CertificateInfo><CertType>CustomCert</CertType><CustomCert>");
        match &self.certificate.0 {
            Source::Id(id) => leaf(&mut document, "CertId", id),
            Source::Pem { chain, private_key } => {
                leaf(&mut document, "Cert", chain);
                leaf(&mut document, "PrivateKey", private_key);
            }
        }
        document.push_str("</CustomCert></CertificateInfo><DomainList>");
        for name in &self.domains {
            leaf(&mut document, "DomainName", name);
        }
        document.push_str("</DomainList></DomainCertificate>");
        document
    }
}

fn leaf(document: &mut String, name: &str, text: &str) {
    document.extend(["<", name, ">"]);
    for character in text.chars() {
        match character {
            '&' => document.push_str("&amp;"),
            '<' => document.push_str("&lt;"),
            '>' => document.push_str("&gt;"),
            // XML makes one line end of the two.
            '\r' => {}
            other => document.push(other),
        }
    }
    document.extend(["</", name, ">"]);
}

/// What COS tells of the certificate of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DomainCertificate {
    /// Whether it is in use (`Status`).
    pub enabled: bool,
    /// `CertId`.
    pub cert_id: Option<String>,
    /// When it begins to hold.
    pub validity_begin: Option<SystemTime>,
    /// When it ends.
    pub validity_expire: Option<SystemTime>,
}

/// Reads which certificate a custom domain of the bucket has; `None` when it has none.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for a domain that has other than letters, digits, hyphens and dots.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketDomainCertificate;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let certificate = bucket.send(GetBucketDomainCertificate::new("cdn.example.com")).await?;
/// let ends = certificate.and_then(|certificate| certificate.validity_expire);
/// # let _ = ends;
/// # Ok(())
/// # }
/// ```
///
/// The COS reference has no page for it: it is as the official SDKs read it.
#[doc(alias = "GET Bucket domaincertificate")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketDomainCertificate(String);

impl GetBucketDomainCertificate {
    /// Of this domain.
    pub fn new(domain: impl Into<String>) -> Self {
        Self(domain.into())
    }
}

/// Takes its certificate from a custom domain of the bucket. Nothing to take is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) for a domain that has other than letters, digits, hyphens and dots.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketDomainCertificate;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketDomainCertificate::new("cdn.example.com")).await?;
/// # Ok(())
/// # }
/// ```
///
/// The COS reference has no page for it: it is as the official SDKs send it.
#[doc(alias = "DELETE Bucket domaincertificate")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketDomainCertificate(String);

impl DeleteBucketDomainCertificate {
    /// Of this domain.
    pub fn new(domain: impl Into<String>) -> Self {
        Self(domain.into())
    }
}

const PARAMETER: &str = "domaincertificate";

fn check_domain(name: &str) -> Result<()> {
    if is_domain(name) {
        return Ok(());
    }
    Err(Error::input("domain", "is none: it has other than letters, digits, hyphens and dots, or nothing"))
}

fn about(domain: &str) -> Result<Request> {
    check_domain(domain)?;
    Ok(Request::bucket().query(PARAMETER, "").query("domainname", domain.to_owned()))
}

impl Operation for PutBucketDomainCertificate {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "PUT Bucket domaincertificate";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:PutBucketDomainCertificate");

    fn request(&self) -> Result<Request> {
        if self.domains.is_empty() {
            return Err(Error::input("domain", "is not there"));
        }
        self.domains.iter().try_for_each(|domain| check_domain(domain))?;
        if let Source::Id(id) = &self.certificate.0
            && (id.is_empty() || !xml::can_carry(id))
        {
            return Err(Error::input("cert_id", "is empty, or has a control character"));
        }
        let document = Bytes::from_owner(self.document());
        Request::bucket().query(PARAMETER, "").document("application/xml", document)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

impl Operation for GetBucketDomainCertificate {
    type Output = Option<DomainCertificate>;
    type Response = Bytes;
    const NAME: &'static str = "GET Bucket domaincertificate";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucketDomainCertificate");

    fn request(&self) -> Result<Request> {
        about(&self.0)
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Option<DomainCertificate>> {
        let (head, body) = response.into_parts();
        let told: Told = xml::read("DomainCertificate", head.status.as_u16(), &request_id(&head.headers), &body)?;
        let moment = |text: String| from_unix_seconds(text.trim().parse().ok()?);
        let found = DomainCertificate {
            enabled: told.status.trim().eq_ignore_ascii_case("enabled"),
            cert_id: told.info.cert_id.filter(|id| !id.is_empty()),
            validity_begin: told.info.validity_begin.and_then(moment),
            validity_expire: told.info.validity_expire.and_then(moment),
        };
        Ok((found != DomainCertificate::default()).then_some(found))
    }
}

impl Operation for DeleteBucketDomainCertificate {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "DELETE Bucket domaincertificate";
    const METHOD: Method = Method::DELETE;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:DeleteBucketDomainCertificate");

    fn request(&self) -> Result<Request> {
        about(&self.0)
    }

    fn safety(&self) -> Safety {
        Safety::SameEffect
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done> {
        Ok(Done::told(response.headers()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    #[serde(default)]
    status: String,
    #[serde(default, rename = "CertificateInfo")]
    info: Info,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    cert_id: Option<String>,
    validity_begin: Option<String>,
    validity_expire: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operation::as_text;

    const CHAIN: &str = "-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----\r\n";
    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\naHVzaA==\n-----END EC PRIVATE KEY-----\n";

    fn put(certificate: CustomCertificate, domains: &[&str]) -> PutBucketDomainCertificate {
        PutBucketDomainCertificate::new(certificate, domains.iter().copied())
    }

    fn pem() -> CustomCertificate {
        CustomCertificate::pem(CHAIN, KEY).unwrap()
    }

    fn written(put: &PutBucketDomainCertificate) -> String {
        String::from_utf8(put.request().unwrap().body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn request_as_text() {
        let both = put(pem(), &["www.qq.com", "a.test"]);
        assert_eq!(
            written(&both),
            "<DomainCertificate><CertificateInfo><CertType>CustomCert</CertType><CustomCert><Cert>\
             -----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n</Cert><PrivateKey>\
             -----BEGIN EC PRIVATE KEY-----\naHVzaA==\n-----END EC PRIVATE KEY-----\n</PrivateKey></CustomCert>\
             </CertificateInfo><DomainList><DomainName>www.qq.com</DomainName><DomainName>a.test</DomainName>\
             </DomainList></DomainCertificate>"
        );
        assert_eq!(
            as_text(&both),
            "PUT /?domaincertificate\ncontent-md5: rcpB8Q1AHJ8DocaWagkEeA==\ncontent-type: application/xml\n[387]"
        );
        assert!(written(&put(CustomCertificate::id("a&b<"), &["a.test"])).contains("<CertId>a&amp;b&lt;</CertId>"));
        let (get, delete) = (GetBucketDomainCertificate::new("a.test"), DeleteBucketDomainCertificate::new("a.test"));
        assert_eq!(as_text(&get), "GET /?domaincertificate&domainname=a.test\n[0]");
        assert_eq!(as_text(&delete), "DELETE /?domaincertificate&domainname=a.test\n[0]");
    }

    #[test]
    fn the_key_is_not_printed_and_is_in_one_place() {
        let operation = put(pem(), &["a.test"]);
        let request = operation.request().unwrap();
        for printed in [format!("{operation:?}"), format!("{:?}", pem()), format!("{request:?}")] {
            assert!(!printed.contains("aHVz") && !printed.contains("BEGIN"), "{printed}");
        }
        let text = format!("{}\n{}", "<&>\"".repeat(500), KEY);
        let document = put(CustomCertificate::pem(CHAIN, text).unwrap(), &["a.test"; 9]).document();
        assert!(document.len() < document.capacity() && document.capacity() < 6 * 3000);
    }

    #[test]
    fn output_reads_what_cos_tells() {
        let read = |xml: &'static str| {
            let answer = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
            GetBucketDomainCertificate::new("a.test").output(&Sent::default(), answer)
        };
        let found = read(
            "<DomainCertificate><Status>Enabled</Status><CertificateInfo><CertId>bHLrlbdc</CertId><New/>\
             <ValidityBegin>1767312000</ValidityBegin><ValidityExpire>1775088000</ValidityExpire></CertificateInfo>\
             </DomainCertificate>",
        );
        let expected = DomainCertificate {
            enabled: true,
            cert_id: Some("bHLrlbdc".to_owned()),
            validity_begin: from_unix_seconds(1_767_312_000),
            validity_expire: from_unix_seconds(1_775_088_000),
        };
        assert_eq!(found.unwrap(), Some(expected));
        // As the tests of the SDK for Go have it.
        let bare = read("<DomainCertificate><Status>ENABLED</Status></DomainCertificate>").unwrap().unwrap();
        assert_eq!((bare.enabled, bare.cert_id), (true, None));
        let odd = "<DomainCertificate><Status>Disabled</Status><CertificateInfo><CertId>x</CertId><ValidityBegin>soon\
                   </ValidityBegin></CertificateInfo></DomainCertificate>";
        let odd = read(odd).unwrap().unwrap();
        assert_eq!((odd.enabled, odd.cert_id.as_deref(), odd.validity_begin), (false, Some("x"), None));
        assert_eq!(read("<DomainCertificate><Status>Disabled</Status></DomainCertificate>").unwrap(), None);
        assert_eq!(read("<DomainCertificate/>").unwrap(), None);
        assert_eq!(read("<Other/>").unwrap_err().kind(), ErrorKind::Response);
    }

    #[test]
    fn what_cos_would_refuse_is_refused() {
        // As some servers have them, in one file.
        let both = format!("{CHAIN}{KEY}");
        for (chain, key, field) in [
            ("", KEY, "certificate"),
            (KEY, KEY, "certificate"),
            (&both, KEY, "certificate"),
            ("-----BEGIN CERTIFICATE-----\nMIIB", KEY, "certificate"),
            ("-----BEGIN CERTIFICATE-----\u{1}\n-----END CERTIFICATE-----", KEY, "certificate"),
            (CHAIN, "", "private_key"),
            (CHAIN, CHAIN, "private_key"),
            (CHAIN, "-----BEGIN PRIVATE KEY-----\nä\n-----END PRIVATE KEY-----", "private_key"),
            (CHAIN, "-----BEGIN ENCRYPTED PRIVATE KEY-----\na\n-----END ENCRYPTED PRIVATE KEY-----", "private_key"),
        ] {
            let error = CustomCertificate::pem(chain, key).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
            assert!(!format!("{error} {error:?}").contains("BEGIN"), "{error:?}");
        }
        for (certificate, domains, field) in [
            (pem(), &[][..], "domain"),
            (pem(), &["a.test", ""][..], "domain"),
            (pem(), &["*.test"][..], "domain"),
            (CustomCertificate::id(""), &["a.test"][..], "cert_id"),
            (CustomCertificate::id("a\u{1}"), &["a.test"][..], "cert_id"),
        ] {
            let error = put(certificate, domains).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
        assert_eq!(GetBucketDomainCertificate::new("").request().unwrap_err().field(), Some("domain"));
        assert_eq!(DeleteBucketDomainCertificate::new("a/b").request().unwrap_err().field(), Some("domain"));
    }
}
