//! How long is waited, and what an outage costs.

use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cos_emulator::{Action, Effect, Matcher, Rule};
use futures_util::future::join_all;
use tencent_cos::transfer::Upload;
use tencent_cos::{Body, Bucket, ErrorKind, Overrides, Phase, PutObject, TransportError};
use tokio::time::{Instant, sleep};

use super::{REPEATABLE, call, failing, millis, rig, seconds, waits};

/// F23.
#[tokio::test(start_paused = true)]
async fn bursts_of_server_errors() {
    let codes = [(500, "InternalError"), (502, "BadGateway"), (503, "ServiceUnavailable"), (504, "GatewayTimeout")];
    for operation in REPEATABLE {
        for (status, code) in codes {
            for burst in 1..=6 {
                let (mem, bucket) = rig();
                mem.emulator.script(Rule::on(operation).times(burst).then(Action::status(status, code)));
                let outcome = call(&bucket, operation).await;
                let records = mem.emulator.journal();
                let what = format!("{operation}, {burst} times {status}");
                if burst <= 3 {
                    outcome.expect(&what);
                    assert_eq!(records.len() as u64, burst + 1, "{what}");
                } else {
                    let error = outcome.unwrap_err();
                    assert_eq!((error.kind(), error.status()), (ErrorKind::Service, Some(status)), "{what}");
                    // HEAD has no document to name a code.
                    assert!(operation == "HEAD Object" || error.code() == Some(code), "{what}");
                    assert_eq!((error.attempts(), records.len()), (4, 4), "{what}");
                    assert!(error.is_retryable());
                    assert_eq!(error.may_have_taken_effect(), operation == "PUT Object", "{what}");
                }
                for (wait, limit) in waits(&records).into_iter().zip([100, 200, 400]) {
                    // Timers are counted in whole milliseconds.
                    assert!(wait <= millis(limit + 1), "{what}: {wait:?} over {limit} ms");
                }
            }
        }
    }
}

/// F23: the waits are spread evenly over their span (Kolmogorov-Smirnov, one wrong alarm in a thousand million).
#[tokio::test(start_paused = true)]
async fn waits_are_uniform() {
    let (mem, bucket) = rig();
    let mut fractions = Vec::new();
    for _ in 0..1000 {
        mem.emulator.clear_journal();
        mem.emulator.script(Rule::on("GET Object").then(Action::status(503, "ServiceUnavailable")));
        bucket.get("k").await.unwrap();
        fractions.push(waits(&mem.emulator.journal())[0].as_secs_f64() / 0.1);
    }
    fractions.sort_by(f64::total_cmp);
    let count = f64::from(u32::try_from(fractions.len()).unwrap());
    let steps = fractions.iter().zip(1_u32..).map(|(fraction, rank)| (fraction - f64::from(rank) / count).abs());
    let distance = steps.fold(0.0, f64::max);
    assert!(distance < 0.105, "{distance}");
}

/// F25, in part: a throttled request waits longer.
#[tokio::test(start_paused = true)]
async fn a_throttled_request_waits_for_seconds() {
    let mut longest = [Duration::ZERO; 3];
    for (status, code) in [(503, "SlowDown"), (429, "TooManyRequests"), (503, "KmsFreqControl")] {
        for _ in 0..20 {
            let (mem, bucket) = rig();
            mem.emulator.script(Rule::on("PUT Object").times(3).then(Action::status(status, code)));
            assert_eq!(bucket.put("new", "x").await.unwrap().attempts, 4);
            for ((wait, limit), longest) in waits(&mem.emulator.journal()).into_iter().zip([1, 2, 4]).zip(&mut longest)
            {
                assert!(wait <= seconds(limit) + millis(1), "{wait:?}");
                *longest = wait.max(*longest);
            }
        }
    }
    // Of sixty waits up to a second one is longer than 400 ms, but for one run in 10^23.
    assert!(longest[0] > millis(400) && longest[1] > millis(800) && longest[2] > millis(1600), "{longest:?}");
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on("PUT Object").always().then(Action::status(503, "SlowDown")));
    let error = bucket.put("new", "x").await.unwrap_err();
    assert!(error.is_throttled() && error.is_retryable() && !error.may_have_taken_effect(), "{error:?}");
    assert_eq!((error.attempts(), mem.emulator.journal().len()), (4, 4));
}

/// F24: an outage is not multiplied by everybody's retries, and ends when it ends.
#[tokio::test(start_paused = true)]
async fn an_outage_is_not_multiplied() {
    let (mem, bucket) = rig();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::status(503, "ServiceUnavailable")));
    let start = Instant::now();
    let callers = (0..1000).map(|caller| {
        let bucket = bucket.clone();
        tokio::spawn(async move {
            for _ in 0..4 {
                bucket.get("k").await.unwrap_err();
                sleep(millis(15_000 + caller)).await;
            }
        })
    });
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    let sends = mem.emulator.journal().len();
    // 4 000 first attempts, and what the budget pays for: 500 tokens and 5 a second, at 14 a repeat.
    let seconds_of_it = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    let affordable = (500 + 5 * seconds_of_it) / 14;
    assert!((4000 + 500 / 14..=4000 + affordable).contains(&sends), "{sends} in {seconds_of_it} s");

    mem.emulator.clear_script();
    let start = Instant::now();
    let after = join_all((0..1000).map(|_| call(&bucket, "GET Object"))).await;
    assert!(after.into_iter().all(|outcome| outcome.is_ok()));
    assert!(start.elapsed() < seconds(5));
    // The successes have filled the budget again.
    mem.emulator.script(Rule::on(Matcher::any()).times(3).then(Action::status(503, "ServiceUnavailable")));
    assert_eq!(bucket.put("new", "x").await.unwrap().attempts, 4);
}

/// Whom the budget ends is told so, and not left in doubt where nothing is in doubt; with time it comes back.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_budget_is_told_and_is_not_for_ever() {
    let (mem, bucket) = rig();
    let down = || Rule::on(Matcher::any()).always().then(Action::status(503, "ServiceUnavailable"));
    mem.emulator.script(down());
    for _ in 0..12 {
        call(&bucket, "GET Object").await.unwrap_err();
    }
    let error = call(&bucket, "GET Object").await.unwrap_err();
    assert!(error.attempts() < 4 && error.advice().unwrap_or_default().contains("retry budget"), "{error:#}");
    // An answer that was lost leaves the same doubt as when the attempts are over.
    mem.emulator.clear_script();
    mem.emulator.script(Rule::on(Matcher::any()).always().then(Action::ResetBeforeHeaders).effect(Effect::Apply));
    let error = bucket.put("lost", "hello").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Ambiguous, 1), "{error:#}");

    mem.emulator.clear_script();
    sleep(seconds(100)).await;
    mem.emulator.script(Rule::on(Matcher::any()).times(3).then(Action::status(503, "ServiceUnavailable")));
    assert_eq!(bucket.put("new", "x").await.unwrap().attempts, 4);
}

/// A transfer that had an answer outlasts a host that is away for less than a minute, and others do not pay for it.
#[tokio::test(start_paused = true)]
async fn a_transfer_waits_for_a_host_that_went_away() {
    let away = |after: usize, lasting: Duration| {
        let since = OnceLock::new();
        move |number| {
            let gone = || since.get_or_init(Instant::now).elapsed() < lasting;
            (number >= after && gone()).then(|| TransportError::new(Phase::Connect, "refused"))
        }
    };
    let upload =
        |bucket: &Bucket| bucket.transfer(Upload::new("large".parse().unwrap(), vec![7; 8 << 20]).part_size(1 << 20));
    let (mem, _) = rig();
    let (bucket, seen) = failing(&mem, away(3, seconds(50)));
    let start = Instant::now();
    upload(&bucket).await.unwrap();
    assert!((50..=60).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    let seen = seen.load(Ordering::Relaxed);
    assert!(seen < 150, "{seen} requests of six parts");

    // Beyond that it ends, and gives up in the usual attempts.
    let (bucket, _) = failing(&mem, away(3, Duration::MAX));
    let start = Instant::now();
    let error = upload(&bucket).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:#}");
    assert!(error.attempts() > 8 && error.upload_id().is_some(), "{error:#}");
    assert!((60..75).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    for _ in 0..9 {
        let error = call(&bucket, "GET Object").await.unwrap_err();
        assert_eq!(error.attempts(), 4, "the budget is there: {error:#}");
    }

    // Nobody knows whether a host is there that never answered, and who counts the attempts has those.
    for (after, settings, attempts) in [(0, Overrides::new(), 8), (3, Overrides::new().max_attempts(2), 2)] {
        let (bucket, _) = failing(&mem, away(after, Duration::MAX));
        let bucket = bucket.with(settings);
        let error = upload(&bucket).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, attempts), "{error:#}");
    }

    // Who cancels waits for no host.
    let (bucket, _) = failing(&mem, away(3, Duration::MAX));
    let transfer = upload(&bucket);
    let handle = transfer.handle();
    let start = Instant::now();
    let stop = async {
        sleep(seconds(20)).await;
        handle.cancel();
    };
    let (outcome, ()) = tokio::join!(transfer, stop);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(start.elapsed() < seconds(20 + 13), "{:?}", start.elapsed());
}

/// Once one part has found the host back, the others do not sit out their waits.
#[tokio::test(start_paused = true)]
async fn parts_that_wait_for_a_host_go_on_when_one_of_them_reaches_it() {
    for _ in 0..5 {
        let (mem, _) = rig();
        let begun = Instant::now();
        let is_away = move || begun.elapsed() < seconds(30);
        let refused = || TransportError::new(Phase::Connect, "refused");
        let (bucket, _) = failing(&mem, move |number| (number >= 3 && is_away()).then(refused));
        let upload = Upload::new("large".parse().unwrap(), vec![7; 8 << 20]).part_size(1 << 20);
        bucket.transfer(upload).await.unwrap();
        let parts: Vec<_> =
            mem.emulator.journal().into_iter().filter(|record| record.operation == "Upload Part").collect();
        assert_eq!(parts.len(), 8);
        // Two went before.
        let (first, last) = (parts[2].time, parts[7].time);
        assert!(last.duration_since(first).unwrap() <= seconds(1) + millis(2), "{first:?}, {last:?}");
    }
}

/// Of file descriptors there may be none for a while. No host is down then, and nobody pays for it.
#[tokio::test(start_paused = true)]
async fn a_shortage_of_this_machine_is_waited_out() {
    let codes = if cfg!(windows) { [4, 10_024] } else { [24, 23] };
    for code in codes {
        let (mem, _) = rig();
        let none_left = move || TransportError::new(Phase::Connect, std::io::Error::from_raw_os_error(code));
        let (bucket, seen) = failing(&mem, move |number| (number < 3).then(none_left));
        bucket.delete("k").await.unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 4);
        let (bucket, seen) = failing(&mem, move |_| Some(none_left()));
        for _ in 0..40 {
            let error = bucket.delete("k").await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 4), "the budget is as it was: {error:#}");
        }
        assert_eq!(seen.load(Ordering::Relaxed), 160);
    }
}

/// Whether this process may have few files and runs this test alone; else the test runs in such a one.
#[cfg(unix)]
fn is_alone(name: &str) -> bool {
    const ALONE: &str = "COS_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut alone = std::process::Command::new("sh");
    alone.args(["-c", r#"ulimit -n 64; exec "$0" --exact "$1""#]).arg(std::env::current_exe().unwrap()).arg(name);
    let output = alone.env(ALONE, "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    false
}

/// As a connection does.
#[cfg(unix)]
#[test]
fn a_file_waits_for_a_file_descriptor() {
    if !is_alone("retries::budget::a_file_waits_for_a_file_descriptor") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_mem, bucket) = rig();
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "hello").unwrap();
        let take_all = || {
            let all: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
            tokio::spawn(async move {
                sleep(Duration::from_millis(20)).await;
                drop(all);
            })
        };
        let given_back = take_all();
        let put = PutObject::new("up".parse().unwrap(), Body::file(path("file"), 0, 5));
        bucket.send(put).await.unwrap();
        given_back.await.unwrap();
        let given_back = take_all();
        bucket.download("up", path("down")).await.unwrap();
        given_back.await.unwrap();
        assert_eq!(std::fs::read(path("down")).unwrap(), b"hello");
    });
}

/// A resolver that has no file descriptor says that there is no such host. In a process of its own, which opens all it may.
#[cfg(unix)]
#[test]
fn a_resolver_without_a_file_descriptor_tells_of_no_host() {
    use tencent_cos::{Client, Credentials, Endpoint, Transport};
    if !is_alone("retries::budget::a_resolver_without_a_file_descriptor_tells_of_no_host") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for transport in [Transport::Reqwest, Transport::Hyper] {
        let key = Credentials::permanent("AKIDexample", "example").unwrap();
        let nowhere = Endpoint::custom("http://localhost:1").unwrap();
        let client = Client::builder().region("ap-x").credentials(key).endpoint(nowhere).transport(transport);
        let bucket = client.max_attempts(2).build().unwrap().bucket("b-1250000000").unwrap();
        let _all = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect::<Vec<_>>();
        for outcome in runtime.block_on(join_all((0..60).map(|_| bucket.head("k")))) {
            let error = outcome.unwrap_err();
            assert_eq!(error.attempts(), 2, "the budget is as it was: {error:#}");
        }
    }
}

/// F26.
#[tokio::test(start_paused = true)]
async fn retry_after_is_kept_capped_or_ignored() {
    // The emulator's clock began at 22:13:20.
    for (asked, at_least, at_most) in [
        ("7", 7_000, 7_001),
        (" 7 ", 7_000, 7_001),
        ("Tue, 14 Nov 2023 22:13:29 GMT", 9_000, 9_001),
        ("99999", 60_000, 60_001),
        ("18446744073709551615", 60_000, 60_001),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60_000, 60_001),
        ("0", 0, 101),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0, 101),
        ("soon", 0, 101),
        ("-7", 0, 101),
        ("7.5", 0, 101),
        ("99999999999999999999999", 0, 101),
        ("", 0, 101),
    ] {
        for status in [500, 502, 503] {
            let (mem, bucket) = rig();
            let action = Action::Status {
                status,
                code: "InternalError".to_owned(),
                message: String::new(),
                retry_after: Some(asked.to_owned()),
                request_id: true,
            };
            mem.emulator.script(Rule::on("GET Object").then(action));
            bucket.get("k").await.unwrap();
            let wait = waits(&mem.emulator.journal())[0];
            assert!((millis(at_least)..=millis(at_most)).contains(&wait), "{asked:?}: {wait:?}");
        }
    }
}
