//! A clock that is wrong: corrected once, after a refusal, and only by COS.

use std::time::Duration;

use cos_emulator::{Action, Effect, Rule};
use tencent_cos::client::provider::{CredentialError, from_fn};
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
        // The clock is set right, and what is signed before any answer is so, too.
        memory.clock.set_off(0);
        let url = bucket.presign_get("k", Duration::from_secs(600)).await.unwrap();
        assert_eq!(url.expires_at, memory.clock.true_time() + Duration::from_secs(600), "{off}");
        bucket.put("k", "hello").await.unwrap();
        bucket.head("k").await.unwrap();
        assert_eq!(sends(&memory), 2, "{off}: the correction is gone");
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

/// Requests that were signed before the correction are signed anew, too.
#[tokio::test(start_paused = true)]
async fn many_at_once_are_all_corrected() {
    for off in [1200, -1200] {
        for temporary in [false, true] {
            let memory = memory();
            let slow = Rule::on("PUT Object").always().then(Action::Delay(Duration::from_millis(50)));
            memory.emulator.script(slow);
            memory.clock.set_off(off);
            let key = session(&memory.emulator.mint(Duration::from_secs(7200)));
            let client = memory.client();
            let client = if temporary { client.credentials(key) } else { client };
            let bucket = memory.bucket_of(client);
            let all = (0..20).map(|number| bucket.put(format!("p/{number}"), "x"));
            futures_util::future::try_join_all(all).await.unwrap();
            assert_eq!(sends(&memory), 40, "{off} {temporary}");
        }
    }
}

/// A correction that was learned and is true no more does not make every further key seem over.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_right_locks_nobody_out() {
    for (off, life) in [(-4 * 3600, 1800), (-2400, 1800), (-8 * 3600, 7200)] {
        let memory = std::sync::Arc::new(memory());
        memory.clock.set_off(off);
        let mint = std::sync::Arc::clone(&memory);
        let minting = from_fn(move || {
            let key = session(&mint.emulator.mint(Duration::from_secs(life)));
            async move { Ok::<_, CredentialError>(key) }
        });
        let bucket = memory.bucket_of(memory.client().credentials(minting));
        bucket.put("k", "x").await.unwrap();
        memory.clock.set_off(0);
        for hour in 0..4 {
            bucket.put("k", "x").await.unwrap_or_else(|error| panic!("{off} {life} +{hour} h: {error:?}"));
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
    }
}

/// The date of an answer is compared with the time the last byte went out, however long that took.
#[tokio::test(start_paused = true)]
async fn a_slow_upload_is_corrected_as_well() {
    let memory = memory();
    memory.clock.set_off(3 * 3600);
    let slow = || {
        let pieces = futures_util::stream::unfold(0, |turn| async move {
            tokio::time::sleep(Duration::from_secs(15)).await;
            (turn < 2).then(|| (Ok::<_, tencent_cos::Error>(bytes::Bytes::from_static(b"x")), turn + 1))
        });
        tencent_cos::ByteStream::new(Some(2), pieces)
    };
    memory.bucket().put("k", tencent_cos::Body::factory(2, slow)).await.unwrap();
    assert_eq!(sends(&memory), 2);
}
