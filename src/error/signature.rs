//! Two views of one request: what the client signed, and what COS says it saw.

use std::fmt;

use sha1::{Digest as _, Sha1};

const ANOTHER_KEY: &str = "the request is as it was signed, so the secret key does not belong to the key id";

/// What a signature came from: the request in COS's canonical form, and the string that was signed.
///
/// Values are masked unless COS itself gives the parameter or header its meaning: a session token, a customer's
/// encryption key, user metadata, and what a caller added, may be secret. `Debug` leaves the parameters and headers
/// out.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Canonical {
    /// Method, path, parameters and headers. COS calls it `FormatString`.
    pub http_string: String,
    /// Algorithm, time, and the SHA-1 of the above. COS calls it `StringToSign`.
    pub string_to_sign: String,
}

impl Canonical {
    pub(crate) fn new(http_string: &str, string_to_sign: &str) -> Self {
        Self { http_string: masked(http_string), string_to_sign: string_to_sign.to_owned() }
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canonical").field("string_to_sign", &self.string_to_sign).finish_non_exhaustive()
    }
}

/// Why COS said `SignatureDoesNotMatch`: what this client signed beside what COS saw.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureMismatch {
    /// What this client signed.
    pub ours: Canonical,
    /// What COS says it signed.
    pub cos: Canonical,
}

impl SignatureMismatch {
    #[cfg(any(test, feature = "client"))]
    pub(crate) fn new(ours: Canonical, cos: Canonical) -> Self {
        Self { ours, cos }
    }

    /// The first thing that differs, in words; when nothing does, the secret key is not that of the key id.
    pub fn first_difference(&self) -> String {
        self.difference().unwrap_or_else(|| format!("nothing: {ANOTHER_KEY}"))
    }

    /// What it tells an error.
    #[cfg(feature = "client")]
    pub(crate) fn advice(&self) -> String {
        self.difference().map_or(ANOTHER_KEY.to_owned(), |difference| format!("first difference: {difference}"))
    }

    fn difference(&self) -> Option<String> {
        let (ours, cos) = (&self.ours, &self.cos);
        let lines = ours.http_string.split('\n').zip(cos.http_string.split('\n'));
        for ((ours, cos), what) in lines.zip(["the method", "the path", "parameter", "header"]) {
            if ours != cos && matches!(what, "the method" | "the path") {
                return Some(format!("{what}: signed {ours:?}, COS saw {cos:?}"));
            }
            if ours != cos {
                return Some(pairs_differ(what, ours, cos));
            }
        }
        if ours.http_string != cos.http_string {
            return Some("the number of lines: a line break in the path or in a value".to_owned());
        }
        let (our_time, cos_time) = (line(&ours.string_to_sign, 1), line(&cos.string_to_sign, 1));
        (our_time != cos_time).then(|| format!("the time: signed {our_time:?}, COS saw {cos_time:?}"))
    }
}

impl fmt::Display for SignatureMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first_difference())
    }
}

fn line(text: &str, number: usize) -> &str {
    text.split('\n').nth(number).unwrap_or_default()
}

fn pairs_differ(what: &str, ours: &str, cos: &str) -> String {
    let pairs = |line| str::split(line, '&').filter(|pair| !pair.is_empty()).map(split_pair);
    for (name, value) in pairs(ours) {
        match pairs(cos).find(|(other, _)| *other == name) {
            None => return format!("{what} {name}: signed {value:?}, COS saw none"),
            Some((_, other)) if other != value => {
                return format!("{what} {name}: signed {value:?}, COS saw {other:?}");
            }
            Some(_) => {}
        }
    }
    match pairs(cos).find(|(name, _)| pairs(ours).all(|(other, _)| other != *name)) {
        Some((name, _)) => format!("{what} {name}: COS saw it, it was not signed"),
        None => format!("the order of the {what}s"),
    }
}

fn split_pair(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// The canonical form without the values that may be secret.
fn masked(http_string: &str) -> String {
    let mut lines = http_string.split('\n');
    let method_and_path: Vec<&str> = lines.by_ref().take(2).collect();
    let pairs = lines.map(|line| {
        let pairs: Vec<String> = line.split('&').map(masked_pair).collect();
        pairs.join("&")
    });
    let lines: Vec<String> = method_and_path.into_iter().map(str::to_owned).chain(pairs).collect();
    lines.join("\n")
}

fn masked_pair(pair: &str) -> String {
    let (name, value) = split_pair(pair);
    if value.is_empty() || is_shown(&name.to_ascii_lowercase()) {
        return pair.to_owned();
    }
    // Enough to compare, too little to be used.
    let digest = hex::encode(&Sha1::digest(value)[..4]);
    format!("{name}=(masked, {} characters, SHA-1 {digest}…)", value.len())
}

/// Whether the value of this parameter or header is one of COS's own, and no secret.
fn is_shown(name: &str) -> bool {
    let hidden = ["token", "customer-key", "signature", "authorization", "x-cos-meta-"];
    let known = [
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-md5",
        "content-type",
        "date",
        "delimiter",
        "encoding-type",
        "expires",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "key-marker",
        "marker",
        "max-keys",
        "max-parts",
        "max-uploads",
        "origin",
        "part-number-marker",
        "partnumber",
        "position",
        "prefix",
        "range",
        "upload-id-marker",
        "uploadid",
        "user-agent",
        "version-id-marker",
        "versionid",
    ];
    let of_cos = name.starts_with("x-cos-") || name.starts_with("response-") || known.contains(&name);
    of_cos && !hidden.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "put\n/a b\nacl=&uploads=\ncontent-length=5&host=b-1.cos.ap-x.myqcloud.com\n";

    fn difference(cos: &str) -> String {
        let times = "sha1\n1;2\ndigest\n";
        SignatureMismatch::new(Canonical::new(OURS, times), Canonical::new(cos, times)).first_difference()
    }

    #[test]
    fn the_first_difference_is_named() {
        for (from, to, told) in [
            ("put\n", "post\n", "the method: signed \"put\", COS saw \"post\""),
            ("/a b", "/a+b", "the path: signed \"/a b\", COS saw \"/a+b\""),
            ("acl=&", "", "parameter acl: signed \"\", COS saw none"),
            ("uploads=\n", "uploads=&x=1\n", "parameter x: COS saw it, it was not signed"),
            ("length=5", "length=6", "header content-length: signed \"5\", COS saw \"6\""),
        ] {
            assert_eq!(difference(&OURS.replace(from, to)), told);
        }
        assert!(difference(OURS).starts_with("nothing: "));
    }

    #[test]
    fn a_time_that_differs_is_named() {
        let told = |cos: &str| {
            let canonical = |times: &str| Canonical::new(OURS, &format!("sha1\n{times}\ndigest\n"));
            SignatureMismatch::new(canonical("1;2"), canonical(cos)).to_string()
        };
        assert_eq!(told("1;3"), "the time: signed \"1;2\", COS saw \"1;3\"");
        assert!(told("1;2").starts_with("nothing: "));
    }

    #[test]
    fn secret_values_are_masked_and_can_still_be_compared() {
        let form = |token| format!("get\n/k\nx-cos-security-token={token}\nhost=h&x-cos-security-token={token}\n");
        let (ours, cos) = (Canonical::new(&form("SECRET1"), ""), Canonical::new(&form("SECRET2"), ""));
        assert!(!ours.http_string.contains("SECRET") && ours.http_string.contains("host=h"));
        let told = SignatureMismatch::new(ours, cos).first_difference();
        assert!(told.starts_with("parameter x-cos-security-token: signed \"(masked") && !told.contains("SECRET"));
    }
    #[test]
    fn what_a_caller_added_is_masked() {
        let form = "get\n/k\nmine=SECRET&prefix=a\nhost=h&x-cos-acl=private&x-cos-meta-a=SECRET\n";
        let masked = Canonical::new(form, "sha1").http_string;
        assert!(!masked.contains("SECRET"), "{masked}");
        assert!(masked.contains("prefix=a") && masked.contains("x-cos-acl=private"), "{masked}");
    }
}
