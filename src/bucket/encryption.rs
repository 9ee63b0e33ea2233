use super::setting::{self, Setting};
use crate::error::{Error, Result};
use crate::xml::{Element, Unknown};

/// How COS encrypts objects of a bucket whose own request does not say it.
///
/// It holds for objects that are made from then on; those there are stay as they are. What this crate does not know in
/// a configuration that was read is kept and written back with it.
///
/// COS reference: [PUT Bucket encryption](https://cloud.tencent.com/document/product/436/40136)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketEncryption {
    /// `SSEAlgorithm`: `AES256` with keys COS keeps (SSE-COS), `KMS` with a key of the key management service
    /// (SSE-KMS).
    pub algorithm: String,
    /// `KMSMasterKeyID`: the key for `KMS`; without one, the account's default key.
    pub kms_key_id: Option<String>,
    /// Of the default, of its rule, of the configuration.
    unknown: [Unknown; 3],
}

impl BucketEncryption {
    /// With keys COS keeps (SSE-COS).
    pub fn cos() -> Self {
        Self { algorithm: AES256.to_owned(), ..Self::default() }
    }

    /// With the account's default key of the key management service (SSE-KMS).
    pub fn kms() -> Self {
        Self { algorithm: KMS.to_owned(), ..Self::default() }
    }

    /// `KMSMasterKeyID`, for [`kms`](Self::kms).
    #[must_use]
    pub fn kms_key_id(mut self, id: impl Into<String>) -> Self {
        self.kms_key_id = Some(id.into());
        self
    }

    /// Names of what was read, is not known here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().flat_map(Unknown::names)
    }
}

impl Setting for BucketEncryption {
    const PARAMETER: &'static str = "encryption";
    const ROOT: &'static str = "ServerSideEncryptionConfiguration";
    const UNSET: &'static str = "NoSuchEncryptionConfiguration";
    const FIELD: &'static str = "encryption";

    fn write(&self) -> Result<Element> {
        if self.algorithm.trim().is_empty() {
            return Err(Error::input("algorithm", "is empty"));
        }
        if self.kms_key_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(Error::input("kms_key_id", "is empty"));
        }
        if self.algorithm == AES256 && self.kms_key_id.is_some() {
            return Err(Error::input("kms_key_id", "is for KMS: with AES256 COS keeps the keys"));
        }
        let [of_default, of_rule, of_root] = &self.unknown;
        let default = Element::new(DEFAULT).leaf("SSEAlgorithm", self.algorithm.as_str());
        let default = default.leaf_opt("KMSMasterKeyID", self.kms_key_id.as_deref());
        let root = default.with_unknown(of_default, &["SSEAlgorithm", "KMSMasterKeyID"]).and_then(|default| {
            let rule = Element::new(RULE).child(default).with_unknown(of_rule, &[DEFAULT])?;
            Element::new(Self::ROOT).child(rule).with_unknown(of_root, &[RULE])
        });
        root.ok_or_else(|| Error::input("encryption", "has a part twice, once with a value that is not known"))
    }

    fn read(mut root: Element) -> Self {
        let mut rule = take(&mut root, RULE);
        let mut default = take(&mut rule, DEFAULT);
        let of_default = default.take_unknown();
        let mut read = Self { unknown: [of_default, rule.into_unknown(), root.into_unknown()], ..Self::default() };
        for child in default.children {
            let text = child.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
            match (child.name.as_str(), text) {
                ("SSEAlgorithm", Some(text)) if read.algorithm.is_empty() => read.algorithm = text,
                ("KMSMasterKeyID", Some(text)) if read.kms_key_id.is_none() => read.kms_key_id = Some(text),
                _ => read.unknown[0].push(child),
            }
        }
        read
    }
}

const AES256: &str = "AES256";
const KMS: &str = "KMS";
const RULE: &str = "Rule";
const DEFAULT: &str = "ApplyServerSideEncryptionByDefault";

/// Takes the first child of this name out, or gives one without anything in it.
fn take(parent: &mut Element, name: &str) -> Element {
    let place = parent.children.iter().position(|child| child.name == name);
    place.map_or_else(|| Element::new(name), |place| parent.children.remove(place))
}

/// Says how COS encrypts objects of the bucket that are made from now on and do not say it themselves.
///
/// It takes the place of what was said before. It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
/// [`ErrorKind::Input`](crate::ErrorKind::Input) when the algorithm or the id of the key is empty, or `AES256` has a
/// key.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{BucketEncryption, PutBucketEncryption};
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(PutBucketEncryption::new(BucketEncryption::cos())).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [PUT Bucket encryption](https://cloud.tencent.com/document/product/436/40136)
#[doc(alias = "PUT Bucket encryption")]
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct PutBucketEncryption(BucketEncryption);

/// Reads how COS encrypts objects that do not say it; `None` when that was never set, or was removed.
///
/// Changes nothing and may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::GetBucketEncryption;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// match bucket.send(GetBucketEncryption::new()).await? {
///     Some(default) => println!("{}", default.algorithm),
///     None => println!("as each object says"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [GET Bucket encryption](https://cloud.tencent.com/document/product/436/40137)
#[doc(alias = "GET Bucket encryption")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct GetBucketEncryption {
    _private: (),
}

/// Leaves encryption to what each object says. Those there are stay as they are; nothing to remove is a success.
///
/// It may be repeated freely.
///
/// # Errors
/// [`ErrorKind::Service`](crate::ErrorKind::Service) with code `NoSuchBucket` or `AccessDenied`.
///
/// # Examples
/// ```no_run
/// use tencent_cos::DeleteBucketEncryption;
///
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// bucket.send(DeleteBucketEncryption::new()).await?;
/// # Ok(())
/// # }
/// ```
///
/// COS reference: [DELETE Bucket encryption](https://cloud.tencent.com/document/product/436/40138)
#[doc(alias = "DELETE Bucket encryption")]
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is sent before it is given to `send`"]
pub struct DeleteBucketEncryption {
    _private: (),
}

setting::calls! {
    BucketEncryption;
    PUT PutBucketEncryption, "PUT Bucket encryption", "name/cos:PutBucketEncryption";
    GET GetBucketEncryption, "GET Bucket encryption", "name/cos:GetBucketEncryption";
    DELETE DeleteBucketEncryption, "DELETE Bucket encryption", "name/cos:DeleteBucketEncryption";
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::ErrorKind;
    use crate::operation::{Operation, Sent, as_text, read_response};

    fn answer(status: u16, xml: &'static str) -> Response<Bytes> {
        Response::builder().status(status).header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap()
    }

    fn document(put: &PutBucketEncryption) -> String {
        String::from_utf8(put.request().unwrap().body_ref().as_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn request_as_text() {
        let put = PutBucketEncryption::new(BucketEncryption::cos());
        assert_eq!(
            document(&put),
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256\
             </SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        );
        let text = as_text(&put);
        assert!(text.starts_with("PUT /?encryption\ncontent-md5: ") && text.ends_with("\n[192]"), "{text}");
        let kms = document(&PutBucketEncryption::new(BucketEncryption::kms().kms_key_id("a-b")));
        assert!(kms.contains("<SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID>a-b</KMSMasterKeyID></Apply"), "{kms}");
        assert_eq!(as_text(&GetBucketEncryption::new()), "GET /?encryption\n[0]");
        assert_eq!(as_text(&DeleteBucketEncryption::new()), "DELETE /?encryption\n[0]");
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        let cos = BucketEncryption::cos;
        for (encryption, field) in [
            (BucketEncryption { algorithm: " ".to_owned(), ..cos() }, "algorithm"),
            (cos().kms_key_id("a"), "kms_key_id"),
            (BucketEncryption::kms().kms_key_id(""), "kms_key_id"),
            (BucketEncryption::kms().kms_key_id("a\u{1}"), "encryption"),
        ] {
            let error = PutBucketEncryption::new(encryption).request().unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
        }
    }

    #[test]
    fn output_reads_a_golden_answer() {
        let xml = include_str!("../../tests/golden/xml/bucket_encryption.xml");
        let found = GetBucketEncryption::new().output(&Sent::default(), answer(200, xml)).unwrap().unwrap();
        assert_eq!(found, BucketEncryption::cos());
        let put = PutBucketEncryption::new(found).output(&Sent::default(), answer(200, "")).unwrap();
        assert_eq!(put.request_id(), "NjQ");
        let delete = DeleteBucketEncryption::new().output(&Sent::default(), answer(204, "")).unwrap();
        assert_eq!(delete.request_id(), "NjQ");
    }

    #[test]
    fn what_is_not_known_is_written_back() {
        let xml = "<ServerSideEncryptionConfiguration a=\"1\"><Rule b=\"2\"><ApplyServerSideEncryptionByDefault c=\"3\">\
                   <SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID><KMSAlgorithm>SM4</KMSAlgorithm>\
                   </ApplyServerSideEncryptionByDefault><BucketEnabled>true</BucketEnabled></Rule><More>1</More>\
                   </ServerSideEncryptionConfiguration>";
        let found = GetBucketEncryption::new().output(&Sent::default(), answer(200, xml)).unwrap().unwrap();
        assert_eq!((found.algorithm.as_str(), found.kms_key_id.as_deref()), ("KMS", Some("k")));
        assert_eq!(found.unknown().collect::<Vec<_>>(), ["KMSAlgorithm", "BucketEnabled", "More"]);
        assert_eq!(document(&PutBucketEncryption::new(found)), xml);
        let odd = "<ServerSideEncryptionConfiguration><Rule><Other/></Rule></ServerSideEncryptionConfiguration>";
        let found = GetBucketEncryption::new().output(&Sent::default(), answer(200, odd)).unwrap().unwrap();
        assert_eq!(PutBucketEncryption::new(found).request().unwrap_err().field(), Some("algorithm"));
    }

    #[test]
    fn a_bucket_without_it_gives_none_however_cos_says_it() {
        let none = "<Error><Code>NoSuchEncryptionConfiguration</Code></Error>";
        for (status, xml) in [(404, none), (200, "<ServerSideEncryptionConfiguration/>")] {
            let found = read_response(&GetBucketEncryption::new(), &Sent::default(), answer(status, xml)).unwrap();
            assert_eq!(found, None, "{xml}");
        }
        let delete = read_response(&DeleteBucketEncryption::new(), &Sent::default(), answer(404, none)).unwrap();
        assert_eq!(delete.request_id(), "NjQ");
        let missing = answer(404, "<Error><Code>NoSuchBucket</Code></Error>");
        assert!(read_response(&GetBucketEncryption::new(), &Sent::default(), missing).unwrap_err().is_not_found());
    }
}
