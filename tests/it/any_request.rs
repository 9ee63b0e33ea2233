//! Requests of any shape: what the client signs is what COS sees, and one byte less is refused.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::Record;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::Empty;
use tencent_cos::{Bucket, Done, Endpoint, Error, ObjectKey, Operation, Permissions, Safety, Sent};

use crate::support::{InMemory, Random, full, session};

/// What a step on the way might take for something else.
const ODD: [&str; 34] = [
    "/", "//", ".", "..", "/./", "/../", "%", "%2F", "%2e", "%zz", "+", " ", "?", "#", "&", "=", ";", ":", "@", "\\",
    "*", "'", "\"", "<", "[", "{", "~", "\0", "\t", "\r\n", "\u{7f}", "夏", "e\u{301}", "K",
];

/// The same where COS takes no control characters, and headers take ASCII alone.
const VISIBLE: [&str; 12] = ["a", "B", "-", "_", ".", "~", "*", "'", "|", "^", "!", "%2f"];

const HEADERS: [&str; 6] = ["content-type", "range", "if-match", "x-cos-acl", "cache-control", "x-unsigned"];

fn text(random: &mut Random, of: &[&str]) -> String {
    (0..random.below(6)).map(|_| random.pick(of)).collect()
}

/// A request that nobody foresaw.
#[derive(Clone, Debug)]
struct Any {
    key: Option<ObjectKey>,
    params: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Any {
    fn new(random: &mut Random) -> Self {
        let key = ObjectKey::new(text(random, &ODD)).ok();
        let params = (0..random.below(4)).map(|_| (text(random, &ODD), text(random, &ODD))).collect();
        let header = |random: &mut Random| match random.below(2) {
            0 => (random.pick(&HEADERS).to_owned(), text(random, &VISIBLE)),
            _ => (format!("x-cos-meta-{}", text(random, &VISIBLE).to_lowercase()), text(random, &VISIBLE)),
        };
        Self { key, params, headers: (0..random.below(4)).map(|_| header(random)).collect() }
    }
}

impl Operation for Any {
    type Output = Done;
    type Response = Bytes;
    const NAME: &'static str = "any";
    const METHOD: Method = Method::GET;
    const PERMISSIONS: Permissions = Permissions::bucket("name/cos:GetBucket");

    fn request(&self) -> Result<tencent_cos::Request, Error> {
        let request = self.key.as_ref().map_or_else(tencent_cos::Request::bucket, tencent_cos::Request::object);
        let params = self.params.iter().cloned();
        let request = params.fold(request, |request, (name, value)| request.query(name, value));
        self.headers.iter().cloned().try_fold(request, |request, (name, value)| request.header(name, value))
    }

    fn safety(&self) -> Safety {
        Safety::Read
    }

    fn output(&self, _: &Sent, response: Response<Bytes>) -> Result<Done, Error> {
        Ok(Done::told(response.headers()))
    }
}

/// URL and headers: signed in its headers, or in its URL.
async fn signed(bucket: &Bucket, any: &Any, in_url: bool) -> Result<(String, HeaderMap), Error> {
    if in_url {
        let presigned = bucket.presign(any.clone(), Duration::from_secs(60)).await?;
        return Ok((presigned.url, presigned.headers));
    }
    let request = bucket.sign(any.clone()).await?;
    Ok((request.uri().to_string(), request.headers().clone()))
}

async fn send(mem: &InMemory, uri: Uri, headers: &HeaderMap) -> Record {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = uri;
    request.headers_mut().clone_from(headers);
    mem.emulator.service().call(request).await.expect("an answer");
    let record = mem.emulator.journal().pop().expect("a record");
    mem.emulator.clear_journal();
    record
}

/// The same URL with another byte behind the host, if that is a URL. Not a letter in the other case: names of parameters
/// are signed without.
fn altered(url: &str, random: &mut Random) -> Option<Uri> {
    let mut bytes = url.as_bytes().to_vec();
    let path = url.match_indices('/').nth(2).expect("a path").0;
    let at = path + usize::try_from(random.below((url.len() - path) as u64)).expect("an index");
    bytes[at] = random.pick(b"a0%/?&=+.-~;");
    Uri::try_from(bytes).ok()
}

#[tokio::test(start_paused = true)]
async fn whatever_is_signed_arrives_as_it_was_meant() {
    let mem = InMemory::new();
    let key = session(&mem.emulator.mint(Duration::from_secs(24 * 3600)));
    let at = |url: &str| mem.bucket_of(mem.client().endpoint(Endpoint::custom(url).expect("an endpoint")));
    let buckets = [mem.bucket(), mem.bucket_of(mem.client().credentials(key)), at("http://[::1]:9911")];
    let mut random = Random(1);
    let (mut arrived, mut refused) = (0, 0);
    for _ in 0..if full() { 100_000 } else { 1500 } {
        let any = Any::new(&mut random);
        let bucket = &buckets[usize::try_from(random.below(3)).expect("an index")];
        let in_url = random.below(2) == 0;
        // A parameter that is there twice, a header that has no name.
        let Ok((url, headers)) = signed(bucket, &any, in_url).await else { continue };
        assert_eq!(reqwest::Url::parse(&url).expect("a URL").as_str(), url);
        let record = send(&mem, url.parse().expect("a URL"), &headers).await;
        assert_eq!(record.signature_error, None, "{any:?}: {record:?}");
        assert_eq!(record.key.as_deref(), any.key.as_ref().map(ObjectKey::as_str));
        assert!(record.query.starts_with(&any.params), "{any:?}: {record:?}");
        for (name, value) in any.headers.iter().rev().filter(|(_, value)| !value.is_empty()) {
            let last = any.headers.iter().rev().find(|(other, value)| other == name && !value.is_empty());
            assert_eq!(record.headers[name], last.map_or(value, |(_, value)| value), "{any:?}");
        }
        arrived += 1;

        let Some(uri) = altered(&url, &mut random).filter(|_| !in_url) else { continue };
        let changed = send(&mem, uri, &headers).await;
        if (&changed.path, &changed.query) != (&record.path, &record.query) {
            assert!(changed.signature_error.is_some(), "{} for {}", changed.target, record.target);
            refused += 1;
        }
    }
    assert!(arrived > 500 && refused > 200, "{arrived}, {refused}");
}
