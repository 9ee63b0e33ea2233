//! A clock that is wrong: corrected once, after a refusal, and only by COS.

use std::time::Duration;

use cos_emulator::{Action, Effect, Rule};
use tencent_cos::{Endpoint, GetObject};

use crate::support::{InMemory, session};

fn sends(memory: &InMemory) -> usize {
    let count = memory.emulator.journal().len();
    memory.emulator.clear_journal();
    count
}

/// The default hosts over TLS, so that the date counts.
fn memory() -> InMemory {
    let memory = InMemory::new();
    memory.emulator.put_object(memory.emulator.bucket(), "k", "hello");
    memory
}

#[tokio::test(start_paused = true)]
async fn twenty_minutes_off_are_corrected_once() {
    for off in [1200, -1200, 20_000, -20_000] {
        let memory = memory();
        memory.clock.set_off(off);
        let bucket = memory.bucket();
        bucket.put("k", "hello").await.unwrap();
        assert_eq!(sends(&memory), 2, "{off}");
        bucket.put("k", "hello").await.unwrap();
        bucket.head("k").await.unwrap();
        assert_eq!(sends(&memory), 2, "{off}: the correction stays");
        // the clock is set right: one more refusal drops the correction
        memory.clock.set_off(0);
        bucket.put("k", "hello").await.unwrap();
        assert_eq!(sends(&memory), 2, "{off}");
        bucket.head("k").await.unwrap();
        assert_eq!(sends(&memory), 1, "{off}: the correction is gone");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_head_is_enough() {
    let memory = memory();
    memory.clock.set_off(-1200);
    memory.bucket().head("k").await.unwrap();
    assert_eq!(sends(&memory), 2);
}

#[tokio::test(start_paused = true)]
async fn five_minutes_need_none() {
    for off in [300, -300] {
        let memory = memory();
        memory.clock.set_off(off);
        memory.bucket().put("k", "hello").await.unwrap();
        assert_eq!(sends(&memory), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn two_days_are_not_believed() {
    for off in [48 * 3600, -48 * 3600] {
        let memory = memory();
        memory.clock.set_off(off);
        let error = memory.bucket().put("k", "hello").await.unwrap_err();
        assert!(error.is_clock_skew(), "{error}");
        assert!(sends(&memory) <= 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_key_is_told_by_the_corrected_clock() {
    // A clock 20 minutes slow sees 50 minutes in a key of 30.
    let memory = memory();
    let key = session(&memory.emulator.mint(Duration::from_secs(1800)));
    memory.clock.set_off(-1200);
    let bucket = memory.bucket_of(memory.client().credentials(key));
    bucket.put("k", "hello").await.unwrap();
    let url = bucket.presign_get("k", Duration::from_secs(3000)).await.unwrap();
    let end = memory.clock.true_time() + Duration::from_secs(1800);
    assert!(url.expires_at <= end, "no URL outlives its key");
}

#[tokio::test(start_paused = true)]
async fn a_date_of_somebody_else_moves_nothing() {
    let skewed = |headers: &[(&str, &str)]| {
        let body = b"<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>";
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Rule::on("GET Object")
            .then(Action::RawBody { status: 403, headers, body: body.as_slice().into() })
            .effect(Effect::Skip)
            .always()
    };
    // from a cache; over plain http from another machine
    for (headers, http) in [(&[("age", "5")][..], false), (&[], true)] {
        let memory = memory();
        memory.clock.set_off(-1200);
        memory.emulator.script(skewed(headers));
        let hosts = if http {
            "http://{bucket}.cos.{region}.myqcloud.com"
        } else {
            "https://{bucket}.cos.{region}.myqcloud.com"
        };
        let client = memory.client().endpoint(Endpoint::custom(hosts).unwrap()).allow_http(http);
        let error = memory.bucket_of(client).send(GetObject::new("k".parse().unwrap())).await.unwrap_err();
        assert!(error.is_clock_skew(), "{error}");
        assert_eq!(sends(&memory), 1);
    }
}
