use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, header};
use percent_encoding::percent_decode;

use crate::answer::{VERSION_ID, header_text, request_id, stored_etag};
use crate::error::{Error, ErrorKind, Result};
use crate::key::ObjectKey;
use crate::operation::{Operation, Permissions, Safety, Sent};
use crate::request::Request;
use crate::time::parse_http_date;

/// Makes a symbolic link: an object that holds the key of another one in the same bucket, its target.
///
/// GET and HEAD of the link give bytes and metadata of the target. All else is about the link itself, which has tags,
/// an ACL, versions and an ETag of its own, is in class `STANDARD`, and is listed with the length of what it holds; who
/// reads the target through it needs the right to both. So a sync of a directory takes it for changed each time, and
/// one that goes up puts a file in its place. Whether there is a target is not looked at. What was there under the key
/// of the link is replaced.
///
/// It may be repeated freely, unless [`forbid_overwrite`](Self::forbid_overwrite) is said.
///
/// # Errors
/// [`ErrorKind::Service`] with code `NoSuchBucket` or `AccessDenied`, or `FileAlreadyExists` (409) after
/// [`forbid_overwrite`](Self::forbid_overwrite). [`ErrorKind::Ambiguous`] when after that nothing says whether an
/// attempt made the link. [`ErrorKind::Input`] for a link to itself.
///
/// # Examples
/// ```no_run
/// use tencent_cos::PutSymlink;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutSymlink::new("releases/latest.zip".parse()?, "releases/1.2.zip".parse()?)).await?;
/// let newest = bucket.get("releases/latest.zip").await?;
/// # let _ = newest;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Symbolic links](https://cloud.tencent.com/document/product/436/109082)
#[doc(alias = "PUT Object symlink")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutSymlink {
    key: ObjectKey,
    target: ObjectKey,
    forbid_overwrite: bool,
}

/// Reads a symbolic link itself, which GET and HEAD do not show.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`] with code `NotSymlink` (400) when the object is none, `NoSuchKey`, `NoSuchVersion` or
/// `AccessDenied`. [`ErrorKind::Response`] when the answer names no target.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetSymlink;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let link = bucket.send(GetSymlink::new("releases/latest.zip".parse()?)).await?;
/// println!("the latest is {}", link.target);
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [Symbolic links](https://cloud.tencent.com/document/product/436/109082)
#[doc(alias = "GET Object symlink")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetSymlink {
    key: ObjectKey,
    version_id: Option<String>,
}

impl PutSymlink {
    /// Makes `key` a link to `target`.
    pub fn new(key: ObjectKey, target: ObjectKey) -> Self {
        Self { key, target, forbid_overwrite: false }
    }

    /// Fails with `FileAlreadyExists` (409) when the key is taken. COS ignores it in buckets that ever had versioning.
    pub fn forbid_overwrite(mut self) -> Self {
        self.forbid_overwrite = true;
        self
    }
}

impl GetSymlink {
    /// Reads the latest version of the link.
    pub fn new(key: ObjectKey) -> Self {
        Self { key, version_id: None }
    }

    /// Reads this version of it.
    pub fn version_id(mut self, version_id: impl Into<String>) -> Self {
        self.version_id = Some(version_id.into());
        self
    }
}

const TARGET: &str = "x-cos-symlink-target";

impl Operation for PutSymlink {
    type Output = PutSymlinkOutput;
    type Response = Bytes;
    const NAME: &'static str = "PUT Object symlink";
    const METHOD: Method = Method::PUT;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:PutSymlink");

    fn request(&self) -> Result<Request> {
        if self.target == self.key {
            return Err(Error::input("target", "is the key of the link itself: what is there would be lost"));
        }
        // Percent-encoded, as a header holds ASCII and the Go SDK sends it so; slashes stay, as the others send them.
        let target = self.target.url_path();
        Request::object(&self.key)
            .query("symlink", "")
            .header(TARGET, &target[1..])?
            .header_opt("x-cos-forbid-overwrite", self.forbid_overwrite.then_some("true"))
    }

    fn safety(&self) -> Safety {
        if self.forbid_overwrite { Safety::Guarded } else { Safety::SameEffect }
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<PutSymlinkOutput> {
        let (head, _) = response.into_parts();
        let (headers, request_id) = (&head.headers, request_id(&head.headers));
        // It is not sure that COS tells the ETag of a link. Who tells neither is somebody else.
        let etag = if request_id.is_empty() {
            Some(stored_etag(&head)?)
        } else {
            header_text(headers, header::ETAG).map(str::to_owned)
        };
        Ok(PutSymlinkOutput { etag, version_id: header_text(headers, &VERSION_ID).map(str::to_owned), request_id })
    }
}

impl Operation for GetSymlink {
    type Output = Symlink;
    type Response = Bytes;
    const NAME: &'static str = "GET Object symlink";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::target("name/cos:GetSymlink");

    fn request(&self) -> Result<Request> {
        Request::object(&self.key).query("symlink", "").version_id(self.version_id.as_deref())
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Symlink> {
        let headers = response.headers();
        let target = target(headers).ok_or_else(|| Error::new(ErrorKind::Response, "the answer names no target"))?;
        Ok(Symlink {
            target,
            etag: header_text(headers, header::ETAG).map(str::to_owned),
            last_modified: header_text(headers, header::LAST_MODIFIED).and_then(parse_http_date),
            version_id: header_text(headers, &VERSION_ID).map(str::to_owned),
            request_id: request_id(headers),
        })
    }
}

/// The key, percent-decoded once; what is not UTF-8 then is given as it stands there.
fn target(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(TARGET)?.as_bytes();
    let decoded = percent_decode(text).decode_utf8().map(std::borrow::Cow::into_owned);
    let target = decoded.unwrap_or_else(|_| String::from_utf8_lossy(text).into_owned());
    (!target.is_empty()).then_some(target)
}

/// What [`PutSymlink`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutSymlinkOutput {
    /// The ETag of the link itself, quotes included, where COS tells it.
    pub etag: Option<String>,
    /// The version of the link, where the bucket keeps versions.
    pub version_id: Option<String>,
    request_id: String,
}

impl PutSymlinkOutput {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// What [`GetSymlink`] gives: a link itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Symlink {
    /// The key it holds. A plain string, as others may have made a link to a key that is refused here.
    pub target: String,
    /// The ETag of the link, quotes included, where COS tells it.
    pub etag: Option<String>,
    /// When the link was made.
    pub last_modified: Option<SystemTime>,
    /// The version of the link, where the bucket keeps versions.
    pub version_id: Option<String>,
    request_id: String,
}

impl Symlink {
    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::as_text;

    fn key(key: &str) -> ObjectKey {
        key.parse().unwrap()
    }

    fn answer(target: &[u8]) -> Response<Bytes> {
        Response::builder()
            .header("x-cos-symlink-target", target)
            .header("etag", "\"3d3a87bb8156102f8ccdf7194fe96d24\"")
            .header("last-modified", "Fri, 20 Aug 2021 05:30:17 GMT")
            .header("x-cos-version-id", "MTg0")
            .header("x-cos-request-id", "NjQ")
            .body(Bytes::new())
            .unwrap()
    }

    #[test]
    fn request_as_text() {
        let put = PutSymlink::new(key("a b"), key("c/d e+%"));
        assert_eq!(as_text(&put), "PUT /a%20b?symlink\nx-cos-symlink-target: c/d%20e%2B%25\n[0]");
        assert_eq!(put.safety(), Safety::SameEffect);
        let guarded = put.forbid_overwrite();
        assert_eq!(
            as_text(&guarded),
            "PUT /a%20b?symlink\nx-cos-forbid-overwrite: true\nx-cos-symlink-target: c/d%20e%2B%25\n[0]"
        );
        assert_eq!(guarded.safety(), Safety::Guarded);
        let itself = PutSymlink::new(key("a b"), key("a b")).request().unwrap_err();
        assert_eq!((itself.kind(), itself.field()), (ErrorKind::Input, Some("target")));
        let get = GetSymlink::new(key("a b"));
        assert_eq!(as_text(&get), "GET /a%20b?symlink\n[0]");
        assert_eq!(as_text(&get.clone().version_id("v+1")), "GET /a%20b?symlink&versionId=v%2B1\n[0]");
        assert_eq!(get.version_id("").request().unwrap_err().field(), Some("version_id"));
    }

    #[test]
    fn output_tells_the_link_itself() {
        let get = GetSymlink::new(key("k"));
        let link = get.output(&Sent::default(), answer(b"123/myphoto.jpeg")).unwrap();
        assert_eq!((link.target.as_str(), link.request_id()), ("123/myphoto.jpeg", "NjQ"));
        assert_eq!(
            (link.etag.as_deref(), link.version_id.as_deref()),
            (Some("\"3d3a87bb8156102f8ccdf7194fe96d24\""), Some("MTg0"))
        );
        assert_eq!(link.last_modified, parse_http_date("Fri, 20 Aug 2021 05:30:17 GMT"));
        let put = PutSymlink::new(key("k"), key("t")).output(&Sent::default(), answer(b"t")).unwrap();
        assert_eq!((put.version_id.as_deref(), put.request_id()), (Some("MTg0"), "NjQ"));
        let bare = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::new()).unwrap();
        assert_eq!(PutSymlink::new(key("k"), key("t")).output(&Sent::default(), bare).unwrap().etag, None);
        let nothing = PutSymlink::new(key("k"), key("t")).output(&Sent::default(), Response::new(Bytes::new()));
        assert_eq!(nothing.unwrap_err().kind(), ErrorKind::Ambiguous);
    }

    #[test]
    fn a_target_is_read_encoded_or_not() {
        let read = |target: &[u8]| GetSymlink::new(key("k")).output(&Sent::default(), answer(target));
        for (told, target) in [
            (&b"a%20b/%E4%B8%AD"[..], "a b/中"),
            (b"a%20b%2F%e4%b8%ad", "a b/中"),
            ("a b/中".as_bytes(), "a b/中"),
            (b"100%", "100%"),
            (b"a/%ff", "a/%ff"),
        ] {
            assert_eq!(read(told).unwrap().target, target);
        }
        assert_eq!(read(b"").unwrap_err().kind(), ErrorKind::Response);
        let page = GetSymlink::new(key("k")).output(&Sent::default(), Response::new(Bytes::new()));
        assert_eq!(page.unwrap_err().kind(), ErrorKind::Response);
    }
}
