//! Request bodies: the bytes of an object, or a document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use sha1::Sha1;

use crate::error::CosError;
use crate::request::Head;
use crate::service::Call;
use crate::store::{Content, Sink};
use crate::xml::{Element, parse};

/// 5 GB, the limit of a simple upload, of a part, of a copy and of everything appended.
pub(crate) const LARGEST: u64 = 5 * 1024 * 1024 * 1024;

/// Longer documents are none that a client would send: 1000 keys or 10 000 parts fit well.
const LONGEST_DOCUMENT: usize = 8 * 1024 * 1024;

/// Takes the body in, and believes it only if its length and its digests are what the request says.
pub(crate) async fn receive(call: &mut Call<'_>, digests: &Digests) -> Result<Content, CosError> {
    if call.upload.length().is_some_and(|length| length > LARGEST) {
        return Err(CosError::entity_too_large());
    }
    let mut sink = Sink::new(&call.world.store.disk, digests.needs_sha1());
    while let Some(bytes) = call.upload.next().await? {
        sink.write(bytes).await.map_err(|error| CosError::internal(&error))?;
        if sink.size() > LARGEST {
            return Err(CosError::entity_too_large());
        }
    }
    let content = sink.finish().await.map_err(|error| CosError::internal(&error))?;
    digests.check(content.md5, content.sha1)?;
    Ok(content)
}

/// Takes a document in. Content-MD5 is checked if it is there, and missed by nobody if it is not, as not every official
/// client sends it.
pub(crate) async fn receive_document(call: &mut Call<'_>, root: &str) -> Result<Element, CosError> {
    receive_document_within(call, root, LONGEST_DOCUMENT).await
}

/// The same, of so many bytes at most.
pub(crate) async fn receive_document_within(
    call: &mut Call<'_>,
    root: &str,
    longest: usize,
) -> Result<Element, CosError> {
    let text = receive_text_within(call, longest).await?;
    parse(&text).filter(|element| element.name == root).ok_or_else(CosError::malformed_xml)
}

/// A document of another kind, as it came.
pub(crate) async fn receive_text_within(call: &mut Call<'_>, longest: usize) -> Result<Vec<u8>, CosError> {
    let digests = Digests::of(call.head)?;
    let mut text = Vec::new();
    while let Some(bytes) = call.upload.next().await? {
        text.extend_from_slice(&bytes);
        if text.len() > longest {
            return Err(CosError::new(400, "XMLSizeLimit", "The XML you provided is too long."));
        }
    }
    digests.check(Md5::digest(&text).into(), Some(Sha1::digest(&text).into()))?;
    if text.is_empty() {
        return Err(CosError::new(400, "MissingRequestBodyError", "Request body is empty."));
    }
    Ok(text)
}

/// Checks what the request says of a body that is empty.
pub(crate) fn receive_nothing(call: &Call<'_>) -> Result<(), CosError> {
    Digests::of(call.head)?.check(Md5::digest(b"").into(), Some(Sha1::digest(b"").into()))
}

/// What the request says about the digests of its body.
#[derive(Debug)]
pub(crate) struct Digests {
    md5: Option<[u8; 16]>,
    sha1: Option<[u8; 20]>,
}

impl Digests {
    pub(crate) fn of(head: &Head) -> Result<Self, CosError> {
        let md5 = head.header("content-md5").map(|text| {
            let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| CosError::new(400, "InvalidDigest", "The Content-MD5 you specified is not valid."))
        });
        let sha1 = head.header("x-cos-content-sha1").map(|text| {
            let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(bad_sha1)
        });
        Ok(Self { md5: md5.transpose()?, sha1: sha1.transpose()? })
    }

    pub(crate) fn needs_sha1(&self) -> bool {
        self.sha1.is_some()
    }

    pub(crate) fn check(&self, md5: [u8; 16], sha1: Option<[u8; 20]>) -> Result<(), CosError> {
        if self.md5.is_some_and(|stated| stated != md5) {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(CosError::new(400, "BadDigest", message));
        }
        if self.sha1.is_some() && self.sha1 != sha1 {
            return Err(bad_sha1());
        }
        Ok(())
    }
}

fn bad_sha1() -> CosError {
    CosError::new(400, "InvalidSHA1Digest", "The x-cos-content-sha1 you specified did not match what we received.")
}
