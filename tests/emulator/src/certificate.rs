//! Certificates of custom domains: what is told of them is kept, the private key is not. No connection shows them.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::bucket::deny_strangers;
use crate::domain;
use crate::encoding::number;
use crate::error::CosError;
use crate::receive::receive_document_within;
use crate::respond::Reply;
use crate::service::Call;
use crate::store::{Bucket, Setting, Store};
use crate::xml::{Document, Element, parse};

const ROOT: &str = "DomainCertificate";

/// The root of what is kept, which nobody sees.
pub(crate) const KEPT: &str = "DomainCertificates";

const LONGEST: usize = 2 * 1024 * 1024;

/// What is known of a certificate.
#[derive(Clone)]
struct Known {
    id: String,
    /// In seconds since 1970, as the SDK for Go reads a number (inferred).
    begin: u64,
    expire: u64,
}

pub(crate) async fn put(call: &mut Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let document = receive_document_within(call, ROOT, LONGEST).await?;
    let (certificate, domains) = read(&document).ok_or_else(CosError::malformed_xml)?;
    let known = match certificate {
        // Here an id is that of a certificate that came before (inferred: COS knows those of the SSL service).
        Given::Id(id) => by_id(&call.world.store, id).ok_or_else(|| bad("There is no such certificate."))?,
        Given::Pem { chain, key } => {
            let (begin, expire) = check(chain, key)?;
            Known { id: call.world.ids.hex(8), begin, expire }
        }
    };
    let _alone = call.world.hold_domains();
    if domains.iter().any(|name| !domain::has(&bucket, name)) {
        return Err(domain::unset());
    }
    let mut all = of(&bucket);
    all.retain(|(name, _)| domains.iter().all(|domain| !domain.eq_ignore_ascii_case(name)));
    all.extend(domains.iter().map(|name| (name.to_ascii_lowercase(), known.clone())));
    keep(&bucket, &all)?;
    Ok(Reply::ok())
}

enum Given<'d> {
    Id(&'d str),
    Pem { chain: &'d str, key: &'d str },
}

fn read(root: &Element) -> Option<(Given<'_>, Vec<&str>)> {
    if !root.has_only(&["CertificateInfo", "DomainList"]) || root.children().len() != 2 {
        return None;
    }
    let (info, list) = (root.child("CertificateInfo")?, root.child("DomainList")?);
    let custom = info.child("CustomCert")?;
    let names = ["CertId", "Cert", "PrivateKey"];
    let once = names.iter().all(|name| custom.all(name).count() <= 1) && info.children().len() == 2;
    if !once || !custom.has_only(&names) || info.text_of("CertType") != Some("CustomCert") {
        return None;
    }
    let given = match names.map(|name| custom.text_of(name)) {
        [Some(id), None, None] => Given::Id(id),
        [None, Some(chain), Some(key)] => Given::Pem { chain, key },
        _ => return None,
    };
    let domains: Vec<&str> = list.children().iter().map(|name| name.text.as_str()).collect();
    (list.has_only(&["DomainName"]) && !domains.is_empty()).then_some((given, domains))
}

/// When the certificate begins and ends, if it and the key are PEM and belong together.
fn check(chain: &str, key: &str) -> Result<(u64, u64), CosError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| bad("The certificate is not PEM."))?;
    let validity = validity(&chain[0]).ok_or_else(|| bad("The certificate is none."))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| bad("The private key is not PEM."))?;
    CertifiedKey::from_der(chain, key, &default_provider())
        .map_err(|_| bad("The private key is not that of the certificate."))?;
    Ok(validity)
}

fn bad(why: &'static str) -> CosError {
    CosError::invalid_argument(why)
}

/// `notBefore` and `notAfter` of an X.509 certificate (RFC 5280, 4.1).
fn validity(der: &[u8]) -> Option<(u64, u64)> {
    let (_, certificate, _) = value(der)?;
    let (_, mut tbs, _) = value(certificate)?;
    // The version may be left out; number, algorithm and issuer may not.
    let skipped = if tbs.first() == Some(&0xa0) { 4 } else { 3 };
    for _ in 0..skipped {
        tbs = value(tbs)?.2;
    }
    let (_, validity, _) = value(tbs)?;
    let (kind, begin, rest) = value(validity)?;
    let (end_kind, end, _) = value(rest)?;
    Some((moment(kind, begin)?, moment(end_kind, end)?))
}

/// The tag and the bytes of a value in DER, and what comes after it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ ..0x80 => (usize::from(short), rest),
        long => {
            let (length, rest) =
                rest.split_at_checked(usize::from(long & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
            (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
        }
    };
    let (bytes, rest) = rest.split_at_checked(length)?;
    Some((tag, bytes, rest))
}

/// `YYMMDDhhmmssZ`, or with four digits of the year.
fn moment(tag: u8, text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        0x17 => {
            let year: i32 = number(text.get(..2)?)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        0x18 => (number(text.get(..4)?)?, text.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| number::<u8>(rest.get(at..at + 2)?);
    let date = time::Date::from_calendar_date(year, part(0)?.try_into().ok()?, part(2)?).ok()?;
    let moment = date.with_hms(part(4)?, part(6)?, part(8)?).ok()?.assume_utc();
    let since = SystemTime::from(moment).duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

fn of(bucket: &Bucket) -> Vec<(String, Known)> {
    let read = |element: &Element| {
        let text = |name: &str| element.text_of(name).map(str::to_owned);
        let known = Known {
            id: text("CertId")?,
            begin: number(element.text_of("ValidityBegin")?)?,
            expire: number(element.text_of("ValidityExpire")?)?,
        };
        Some((text("DomainName")?, known))
    };
    let document = bucket.setting(Setting::Certificates);
    let root = document.and_then(|document| parse(document.as_bytes()));
    root.map(|root| root.children().iter().filter_map(read).collect()).unwrap_or_default()
}

fn keep(bucket: &Bucket, all: &[(String, Known)]) -> Result<(), CosError> {
    let mut document = Document::new(KEPT);
    for (name, known) in all {
        document.open(ROOT);
        document.text("DomainName", name);
        write(&mut document, known);
        document.close();
    }
    bucket.set(Setting::Certificates, (!all.is_empty()).then(|| document.finish()))
}

fn write(document: &mut Document, known: &Known) {
    document.text("CertId", &known.id);
    document.number("ValidityBegin", known.begin);
    document.number("ValidityExpire", known.expire);
}

fn by_id(store: &Store, id: &str) -> Option<Known> {
    let all = store.buckets().into_iter().flat_map(|bucket| of(&bucket));
    all.map(|(_, known)| known).find(|known| known.id == id)
}

/// The domain is no longer that of the bucket.
pub(crate) fn forget(bucket: &Bucket, name: &str) -> Result<(), CosError> {
    let mut all = of(bucket);
    let before = all.len();
    all.retain(|(domain, _)| domain != name);
    if all.len() == before { Ok(()) } else { keep(bucket, &all) }
}

/// A domain without one is told as `Disabled`: so the tests of the SDK for Python expect. That nothing else is told of it
/// is inferred, as is what is answered for a name that is none of the bucket's.
pub(crate) fn get(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let name = named(call)?;
    if !domain::has(&bucket, name) {
        return Err(domain::unset());
    }
    let known = of(&bucket).into_iter().find(|(domain, _)| domain.eq_ignore_ascii_case(name));
    let mut document = Document::new(ROOT);
    document.text("Status", if known.is_some() { "Enabled" } else { "Disabled" });
    if let Some((_, known)) = known {
        document.open("CertificateInfo");
        write(&mut document, &known);
    }
    Ok(Reply::xml(document.finish()))
}

/// Nothing to remove is a success: the tests of the SDK for Python begin with it.
pub(crate) fn delete(call: &Call<'_>) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let name = named(call)?.to_ascii_lowercase();
    let _alone = call.world.hold_domains();
    forget(&bucket, &name)?;
    Ok(Reply::no_content())
}

fn named<'c>(call: &'c Call<'_>) -> Result<&'c str, CosError> {
    let name = call.head.query.get("domainname");
    name.ok_or_else(|| CosError::invalid_argument("The parameter domainname is missing."))
}
