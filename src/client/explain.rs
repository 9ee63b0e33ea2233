//! What the client knows about a refusal beyond what COS says.

use std::time::{Duration, SystemTime};

use http::Method;

use crate::client::execute::Call;
use crate::client::provider::Snapshot;
use crate::endpoint::Address;
use crate::error::{Canonical, Error, ErrorKind, Phase};
use crate::operation::{Operation, Scope};
use crate::retry::fresh_time;
use crate::sign::{self, SigningKey};
use crate::time::Clock as _;

impl Call<'_> {
    /// Adds the right that was needed, the end of the key, how far the clock is off, or what was signed.
    pub(super) fn explain<O: Operation>(
        &self,
        operation: &O,
        address: &Address,
        key: Option<&Snapshot>,
        error: Error,
    ) -> Error {
        let host = || address.host();
        // Who did not answer, or answered and is not COS.
        if matches!(error.phase(), Some(Phase::Dns | Phase::Connect | Phase::Tls))
            || error.kind() == ErrorKind::Response && error.service().is_some() && error.request_id().is_none()
        {
            return error.with_advice(format!("the host is {}", host()));
        }
        let Some(service) = error.service() else { return error };
        // The answer to a HEAD has no body, and so no code.
        let bare = O::METHOD == Method::HEAD && service.code.is_empty();
        let code = match service.status {
            404 if bare && O::PERMISSIONS.iter().all(|(_, scope)| scope == Scope::Bucket) => "NoSuchBucket",
            404 if bare => {
                let told = format!("no such object, or no such bucket at {}: a HEAD is not told which", host());
                return error.with_advice(told);
            }
            400 if bare && key.is_some_and(|key| key.credentials().token().is_some()) => {
                let told = "a HEAD is told no reason; COS answers so, too, when it takes a temporary key for ended";
                return error.with_advice(told.to_owned());
            }
            _ => &service.code,
        };
        if let Some(told) = meaning(code, host, key) {
            return error.with_advice(told);
        }
        let Some(key) = key else { return error };
        if let (Some(saw), "SignatureDoesNotMatch") = (&service.signed, service.code.as_str()) {
            return match self.signed(operation, address, key, saw, error.attempts()) {
                Some(ours) => error.with_signed(ours),
                None => error,
            };
        }
        let clocks = |here| fresh_time(service).and_then(|there| apart(here, there));
        if error.is_clock_skew() {
            return match clocks(self.engine.clock.mark().wall) {
                Some(told) => error.with_advice(told),
                None => error,
            };
        }
        // What can be corrected was corrected.
        if bare
            && service.status == 403
            && let Some(told) = clocks(self.engine.clock.now())
        {
            return error.with_advice(format!("{told}; a HEAD is told no reason, but this is one"));
        }
        if error.is_access_denied() && service.message.contains("bucket referer rule") {
            let told =
                "it is the hotlink protection of the bucket, which goes by the Referer; a signed request needs none";
            return error.with_advice(told.to_owned());
        }
        // Why it says no did not arrive: it need not be a right.
        let broke_off = service.code.is_empty() && !bare;
        if error.is_access_denied() && !broke_off {
            let mut told = self.needed::<O>(key);
            if bare {
                told.push_str("; a HEAD is told no reason, so it may be the key itself");
            }
            return error.with_advice(told);
        }
        error
    }

    /// What was signed, with the time COS saw.
    fn signed<O: Operation>(
        &self,
        operation: &O,
        address: &Address,
        key: &Snapshot,
        saw: &Canonical,
        attempt: u32,
    ) -> Option<Canonical> {
        let (start, end) = saw.string_to_sign.split('\n').nth(1)?.split_once(';')?;
        let key = SigningKey::for_key_time(key.credentials(), start.parse().ok()?, end.parse().ok()?).ok()?;
        let (mut head, _) = self.describe(operation, address, attempt).ok()?;
        sign::headers(&mut head, &key);
        let stages = sign::header_stages(&head, &key);
        Some(Canonical::new(&stages.http_string, &stages.string_to_sign))
    }

    fn needed<O: Operation>(&self, key: &Snapshot) -> String {
        let rights: Vec<String> =
            O::PERMISSIONS.iter().map(|(action, scope)| format!("{action} on {}", on(scope))).collect();
        let told = format!("it needs {}", rights.join(" and "));
        let (Some(end), Some(_)) = (key.credentials().expires_at(), key.credentials().token()) else { return told };
        match end.duration_since(self.engine.clock.now()) {
            Ok(left) => format!("{told}; the temporary key, which ends in {}, may lack it", rough(left)),
            Err(_) => format!("{told}; the temporary key is over"),
        }
    }
}

/// What a code says, for those that need more words than COS has for them.
fn meaning<'a>(code: &str, host: impl FnOnce() -> &'a str, key: Option<&Snapshot>) -> Option<String> {
    let has_token = key.is_some_and(|key| key.credentials().token().is_some());
    Some(match code {
        "NoSuchBucket" => format!("it was looked for at {}, and is found in its own region only", host()),
        "InvalidAccessKeyId" if has_token => "the key's id and token must be of one answer of STS".to_owned(),
        "InvalidAccessKeyId" => "a temporary key needs its token as well".to_owned(),
        "InvalidObjectState" => "an archived object is read after it was restored".to_owned(),
        "BucketAccelerateNotEnabled" => "PutBucketAccelerate turns it on, at the host of the region".to_owned(),
        "AppendPositionErr" => "the position is the length of the object, which a HEAD tells".to_owned(),
        "BucketNotEmpty" => "versions, delete markers and uploads that were not ended count, too".to_owned(),
        "EntityTooLarge" => "one request takes 5 GiB at most; transfers go by parts".to_owned(),
        _ => return None,
    })
}

fn on(scope: Scope) -> &'static str {
    match scope {
        Scope::Source => "the object it reads from",
        Scope::Target => "the object",
        Scope::Bucket => "the bucket",
        Scope::Service => "the account",
    }
}

/// How far apart two clocks are; `None` when that is not what COS can mind.
fn apart(here: SystemTime, there: SystemTime) -> Option<String> {
    let (by, way) = match here.duration_since(there) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    (by >= Duration::from_secs(60)).then(|| format!("the clock of this machine is {} {way} that of COS", rough(by)))
}

fn rough(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
