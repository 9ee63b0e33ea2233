//! Whether to send a request again, and when: pure decisions from what is known of a failure.
//!
//! The client decides by them; [`Attempts`] is for those who send with an HTTP client of their own.
//!
//! # Examples
//! ```
//! use std::thread::sleep;
//! use std::time::{Instant, SystemTime};
//!
//! use tencent_cos::retry::{Attempts, MAX_ATTEMPTS, Next};
//! use tencent_cos::{Credentials, Operation, Result};
//!
//! # fn attempt<O: Operation>(_: &O, _: &Credentials, _: SystemTime, _: u32) -> Result<O::Output> { unimplemented!() }
//! # fn another_key() -> Option<Credentials> { None }
//! # fn random() -> f64 { 0.7 }
//! /// `attempt` signs and sends, and reads the answer by `read_response`.
//! fn send<O: Operation>(operation: &O, mut key: Credentials) -> Result<O::Output> {
//!     let mut clock = (SystemTime::now(), Instant::now());
//!     let mut attempts = Attempts::new(MAX_ATTEMPTS);
//!     loop {
//!         let now = || clock.0 + clock.1.elapsed();
//!         let error = match attempt(operation, &key, now(), attempts.number()) {
//!             Ok(output) => return Ok(output),
//!             Err(error) => error,
//!         };
//!         match attempts.failed(operation, error, &key, now(), random())? {
//!             Next::Done(output) => return Ok(output),
//!             Next::Wait(time) => sleep(time),
//!             Next::RefreshCredentials(error) => key = another_key().ok_or(error)?,
//!             Next::SetClock(time) => clock = (time, Instant::now()),
//!             _ => unreachable!("there is no other yet"),
//!         }
//!     }
//! }
//! ```
#![cfg_attr(not(feature = "client"), allow(dead_code))] // the client knows more of a connection

use std::time::{Duration, SystemTime};

use http::header;

use crate::credentials::Credentials;
use crate::error::{Class, Error, ErrorKind, Phase, Result, ServiceError};
use crate::operation::{Operation, Safety};
use crate::time::{BELIEVABLE, NOTABLE, share};

/// Attempts of a request, the first included.
pub const MAX_ATTEMPTS: u32 = 4;
/// The first wait before a repeat.
pub const BACKOFF_BASE: Duration = Duration::from_millis(100);
/// The first wait when COS says `SlowDown`.
pub const THROTTLE_BASE: Duration = Duration::from_secs(1);
/// The longest wait before a repeat.
pub const BACKOFF_CAP: Duration = Duration::from_secs(20);

/// The attempts of one operation, for those who send it with an HTTP client of their own: what comes after a failure is
/// as the client has it.
///
/// It waits for nothing and knows of no other operation: where a host is down, it is yours to repeat less.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    history: History,
    limit: u32,
    failed: u32,
    /// The next one does not count against the limit.
    free: bool,
}

/// What comes after a failed attempt.
#[derive(Debug)]
#[non_exhaustive]
pub enum Next<T> {
    /// Nothing: an earlier attempt, whose end was unknown, took effect after all, and this is what it gave.
    Done(T),
    /// Another attempt after this wait, which may be none, signed anew.
    Wait(Duration),
    /// Another attempt at once with another key. Where none is to be had, this is the error.
    RefreshCredentials(Error),
    /// Another attempt at once, signed by a clock that now shows this: the time of COS, which differs from that of
    /// `now`. Over plain http anybody may have told it.
    SetClock(SystemTime),
}

impl Attempts {
    /// At most so many, the first included. Another key and another time are tried beyond that, each of them once.
    pub fn new(limit: u32) -> Self {
        Self { history: History::default(), limit, failed: 0, free: false }
    }

    /// The number of the attempt that is under way, or comes next, from 1: for
    /// [`Sent::attempts`](crate::Sent::attempts).
    pub fn number(&self) -> u32 {
        self.failed + 1
    }

    /// Says what comes after the latest attempt failed.
    ///
    /// The error is one of [`read_response`](crate::read_response), or made of a
    /// [`TransportError`](crate::TransportError) where no answer came; any other ends it. `credentials` and `now` are
    /// what the attempt was signed with, by the same clock, `now` at its end. `random`, from 0.0 to 1.0, is the share
    /// of the longest wait that is waited.
    ///
    /// # Errors
    /// The error, when there is no further attempt. It is [`ErrorKind::Ambiguous`] when nobody knows whether one of
    /// them took effect: of a [`Safety::Guarded`] one, [`Operation::reconcile`] may find out.
    pub fn failed<O: Operation>(
        &mut self,
        operation: &O,
        error: Error,
        credentials: &Credentials,
        now: SystemTime,
        random: f64,
    ) -> Result<Next<O::Output>> {
        self.failed += 1;
        self.history.tries += u32::from(!std::mem::take(&mut self.free));
        if self.history.ambiguous
            && let Some(output) = error.service().and_then(|refusal| operation.settled_by(refusal))
        {
            return Ok(Next::Done(output));
        }
        let safety = operation.safety();
        let clock = error.service().and_then(fresh_time).filter(|time| is_notable(*time, now));
        let evidence = Evidence::of(&error, safety, || clock.is_some(), || is_ending(credentials, now));
        let replayable = operation.request()?.body_ref().is_replayable();
        let decision = self.history.decide(evidence, safety, replayable, credentials.token().is_some(), self.limit);
        let open = self.history.ambiguous || error.may_have_taken_effect();
        let error = error.may_have(open && safety != Safety::Read).during(O::NAME, "", self.failed);
        self.free = !matches!(decision, Decision::Wait { .. });
        match decision {
            Decision::Stop => Err(error),
            Decision::StopAmbiguous => Err(error.into_ambiguous()),
            Decision::Again => Ok(Next::Wait(Duration::ZERO)),
            Decision::Resign => Ok(clock.map_or(Next::Wait(Duration::ZERO), Next::SetClock)),
            Decision::RefreshCredentials => Ok(Next::RefreshCredentials(error)),
            Decision::Wait { base, .. } => {
                let asked = error.service().and_then(|service| service.retry_after).unwrap_or_default();
                Ok(Next::Wait(backoff(base, self.history.tries, random).max(asked)))
            }
        }
    }
}

/// When the answer was made. One that was kept on the way does not tell.
pub(crate) fn fresh_time(service: &ServiceError) -> Option<SystemTime> {
    service.server_time.filter(|_| service.headers().is_none_or(|headers| !headers.contains_key(header::AGE)))
}

fn is_notable(server: SystemTime, now: SystemTime) -> bool {
    let apart = server.duration_since(now).unwrap_or_else(|behind| behind.duration());
    i64::try_from(apart.as_millis()).is_ok_and(|apart| (NOTABLE..=BELIEVABLE).contains(&apart))
}

/// Whether the key may be over: of a token whose end is not known nobody can say.
pub(crate) fn is_ending(credentials: &Credentials, now: SystemTime) -> bool {
    let left = |end: SystemTime| end.duration_since(now).unwrap_or_default();
    credentials.expires_at().map_or(credentials.token().is_some(), |end| left(end) <= Duration::from_secs(60))
}

/// The table's verdict on a refusal, with what the table cannot know: the key's end, and the clocks.
pub(crate) fn class(service: &ServiceError, corrects: impl Fn() -> bool, is_ending: impl Fn() -> bool) -> Class {
    let class = service.class();
    let bare = service.code.is_empty() && class == Class::Terminal;
    match class {
        // An answer to HEAD has no document: the clock, or the key's end, are likely reasons.
        _ if bare && service.status == 403 && corrects() => Class::Clock,
        _ if bare && matches!(service.status, 400 | 403) && is_ending() => Class::CredentialExpired,
        Class::Clock | Class::SignatureExpired if corrects() => Class::Clock,
        // Signed anew with the same clock it would be refused again.
        Class::Clock => Class::Terminal,
        class => class,
    }
}

impl Evidence {
    /// What an error tells of the attempt that it ended.
    fn of(error: &Error, safety: Safety, corrects: impl Fn() -> bool, is_ending: impl Fn() -> bool) -> Self {
        match (error.phase(), error.service()) {
            (Some(Phase::Tls), _) => Self::Final,
            (Some(_), _) if error.may_have_taken_effect() => Self::Unknown,
            (Some(_), _) => Self::Unsent,
            (None, Some(service)) if !(200..300).contains(&service.status) => {
                Self::Answer(class(service, corrects, is_ending))
            }
            _ => Self::of_success(error, safety),
        }
    }

    /// What an error tells of an answer that says it is a success.
    pub(crate) fn of_success(error: &Error, safety: Safety) -> Self {
        match (error.kind(), error.service()) {
            (ErrorKind::Service, Some(service)) => Self::Answer(service.class()),
            // What COS made of other bytes stands: only where twice is as once does the second time mend it.
            (ErrorKind::Integrity, _) if !matches!(safety, Safety::Read | Safety::SameEffect) => Self::Final,
            (ErrorKind::Integrity, _) => Self::Answer(Class::Integrity),
            (ErrorKind::Ambiguous, _) => Self::Unknown,
            _ => Self::Final,
        }
    }
}

/// What is known of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Nothing to be gained: bad input, a wrong certificate, a failed source, an answer nobody can read.
    Final,
    /// COS saw nothing of it.
    Unsent,
    /// It went to an idle connection that was gone; COS saw nothing of it.
    Stale,
    /// It did not go out to its end, and nothing came back: of such a request COS keeps nothing.
    Incomplete,
    /// It went out, and nothing came back.
    Unknown,
    /// This machine had no file descriptor, for a connection or the file of a body.
    Shortage,
    /// COS refused it, and why broke off on the way.
    Unexplained,
    /// COS answered.
    Answer(Class),
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Give up.
    Stop,
    /// Give up, and say that nobody knows whether it took effect.
    StopAmbiguous,
    /// Try again at once: it costs nothing.
    Again,
    /// Try again after a wait of up to this long, for so many tokens of the budget.
    Wait { base: Duration, cost: u32 },
    /// Get another key, then try again at once.
    RefreshCredentials,
    /// Sign anew with a fresh time, then try again at once.
    Resign,
}

/// What has happened to an operation so far. Each remedy is tried once.
#[allow(clippy::struct_excessive_bools)] // each a remedy, tried or not
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct History {
    /// Attempts that count against the limit.
    pub(crate) tries: u32,
    /// An earlier attempt may have taken effect.
    pub(crate) ambiguous: bool,
    refreshed: bool,
    resigned: bool,
    redialled: bool,
    read_again: bool,
    /// A connection broke, or was silent.
    broken: bool,
}

pub(crate) const TRANSIENT_COST: u32 = 14;
pub(crate) const THROTTLE_COST: u32 = 5;

impl History {
    /// Whether the next attempt goes over a new connection: those that are idle may have gone the way of the last one,
    /// and silence costs time.
    pub(crate) fn shuns_idle(&self) -> bool {
        self.redialled || self.broken
    }

    /// Judges the failure of the latest attempt.
    ///
    /// `temporary` says that the request was signed with a session token.
    pub(crate) fn decide(
        &mut self,
        evidence: Evidence,
        safety: Safety,
        replayable: bool,
        temporary: bool,
        limit: u32,
    ) -> Decision {
        let repeatable = matches!(safety, Safety::Read | Safety::SameEffect | Safety::Guarded);
        let more = self.tries < limit;
        // Only what COS cannot have begun leaves nothing behind.
        let open = match evidence {
            Evidence::Unknown => true,
            Evidence::Answer(class) => class.leaves_open(),
            _ => false,
        };
        let left_open = open && safety != Safety::Read;
        let was_ambiguous = self.ambiguous;
        self.ambiguous |= left_open;
        self.broken |= matches!(evidence, Evidence::Incomplete | Evidence::Unknown);
        if !replayable {
            let unknown = evidence == Evidence::Unknown && safety != Safety::Read;
            return if unknown { Decision::StopAmbiguous } else { Decision::Stop };
        }
        let transient = Decision::Wait { base: BACKOFF_BASE, cost: TRANSIENT_COST };
        let once = |flag: &mut bool, decision| if std::mem::replace(flag, true) { Decision::Stop } else { decision };
        #[allow(clippy::match_same_arms)] // rows of a table: the first that matches wins
        match evidence {
            Evidence::Final => Decision::Stop,
            Evidence::Stale if !std::mem::replace(&mut self.redialled, true) => Decision::Again,
            // Others of this program have what is missing: no host is down.
            Evidence::Shortage if more => Decision::Wait { base: THROTTLE_BASE, cost: 0 },
            Evidence::Unsent | Evidence::Stale | Evidence::Incomplete | Evidence::Unexplained if more => transient,
            Evidence::Unsent | Evidence::Stale | Evidence::Incomplete | Evidence::Shortage => Decision::Stop,
            Evidence::Unknown if repeatable && more => transient,
            Evidence::Unknown if safety == Safety::Read => Decision::Stop,
            Evidence::Unknown => Decision::StopAmbiguous,
            Evidence::Answer(Class::CredentialExpired) => once(&mut self.refreshed, Decision::RefreshCredentials),
            // Some documents tell the end of a temporary key in these words.
            Evidence::Answer(Class::SignatureExpired) if temporary && !self.refreshed => {
                once(&mut self.refreshed, Decision::RefreshCredentials)
            }
            Evidence::Answer(Class::Clock | Class::SignatureExpired) => once(&mut self.resigned, Decision::Resign),
            Evidence::Answer(Class::Integrity) if more => once(&mut self.read_again, transient),
            // COS refused to begin: any operation may come again.
            Evidence::Answer(Class::Throttled) if more => Decision::Wait { base: THROTTLE_BASE, cost: THROTTLE_COST },
            Evidence::Answer(Class::Conflict) if more && matches!(safety, Safety::Read | Safety::SameEffect) => {
                transient
            }
            Evidence::Answer(Class::Transient | Class::NotCos) if more && (repeatable || safety == Safety::Commit) => {
                transient
            }
            Evidence::Answer(Class::NotCos) if !repeatable => Decision::StopAmbiguous,
            // A guard that holds after an attempt whose end is unknown may have been set by that attempt.
            Evidence::Answer(Class::Terminal) | Evidence::Unexplained
                if was_ambiguous && matches!(safety, Safety::Guarded | Safety::Commit) =>
            {
                Decision::StopAmbiguous
            }
            Evidence::Answer(_) | Evidence::Unexplained => Decision::Stop,
        }
    }
}

/// The wait: full jitter, doubling with each try, capped; `random` is from 0.0 to 1.0.
pub(crate) fn backoff(base: Duration, tries: u32, random: f64) -> Duration {
    let ceiling = base.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(BACKOFF_CAP);
    share(ceiling, random)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::error::TransportError;
    use crate::multipart::{AbortMultipartUpload, InitiateMultipartUpload};
    use crate::object::GetObject;
    use crate::operation::{Sent, read_response};

    const ALL: [Safety; 5] = [Safety::Read, Safety::SameEffect, Safety::Guarded, Safety::Commit, Safety::CreatesState];

    fn first(evidence: Evidence, safety: Safety) -> Decision {
        History { tries: 1, ..History::default() }.decide(evidence, safety, true, false, 4)
    }

    fn waits(decision: Decision) -> bool {
        matches!(decision, Decision::Wait { .. })
    }

    #[test]
    fn what_cos_never_saw_is_repeated_for_every_operation() {
        for safety in ALL {
            assert!(waits(first(Evidence::Unsent, safety)));
            assert_eq!(first(Evidence::Stale, safety), Decision::Again);
            assert!(waits(first(Evidence::Answer(Class::Throttled), safety)));
            assert!(waits(first(Evidence::Unexplained, safety)));
        }
    }

    #[test]
    fn an_unknown_end_is_repeated_only_where_that_is_safe() {
        for safety in [Safety::Read, Safety::SameEffect, Safety::Guarded] {
            assert!(waits(first(Evidence::Unknown, safety)));
        }
        for safety in [Safety::Commit, Safety::CreatesState] {
            assert_eq!(first(Evidence::Unknown, safety), Decision::StopAmbiguous);
        }
        assert_eq!(first(Evidence::Answer(Class::Transient), Safety::CreatesState), Decision::Stop);
        assert!(waits(first(Evidence::Answer(Class::Transient), Safety::Commit)));
    }

    #[test]
    fn a_guard_after_an_unknown_end_is_ambiguous() {
        let mut history = History { tries: 1, ..History::default() };
        assert!(waits(history.decide(Evidence::Unknown, Safety::Guarded, true, false, 4)));
        let then = history.decide(Evidence::Answer(Class::Terminal), Safety::Guarded, true, false, 4);
        assert_eq!(then, Decision::StopAmbiguous);
        let mut history = History { tries: 4, ambiguous: true, ..History::default() };
        let then = history.decide(Evidence::Unexplained, Safety::Guarded, true, false, 4);
        assert_eq!(then, Decision::StopAmbiguous);
        assert_eq!(first(Evidence::Answer(Class::Terminal), Safety::Guarded), Decision::Stop);
    }

    #[test]
    fn each_remedy_is_tried_once() {
        for (class, remedy) in
            [(Class::CredentialExpired, Decision::RefreshCredentials), (Class::Clock, Decision::Resign)]
        {
            let mut history = History { tries: 1, ..History::default() };
            assert_eq!(history.decide(Evidence::Answer(class), Safety::Read, true, false, 4), remedy);
            assert_eq!(history.decide(Evidence::Answer(class), Safety::Read, true, false, 4), Decision::Stop);
        }
    }

    #[test]
    fn an_idle_connection_that_had_gone_is_replaced_once_without_a_wait() {
        for safety in ALL {
            let mut history = History { tries: 1, ..History::default() };
            assert!(!history.shuns_idle());
            assert_eq!(history.decide(Evidence::Stale, safety, true, false, 4), Decision::Again);
            assert!(history.shuns_idle());
            assert!(waits(history.decide(Evidence::Stale, safety, true, false, 4)));
            history.tries = 4;
            assert_eq!(history.decide(Evidence::Stale, safety, true, false, 4), Decision::Stop);
        }
    }

    #[test]
    fn a_conflict_passes_where_a_repeat_does_the_same() {
        let conflict = Evidence::Answer(Class::Conflict);
        for safety in ALL {
            let repeated = matches!(safety, Safety::Read | Safety::SameEffect);
            assert_eq!(waits(first(conflict, safety)), repeated, "{safety:?}");
            let mut history = History { tries: 4, ..History::default() };
            assert_eq!(history.decide(conflict, safety, true, false, 4), Decision::Stop, "{safety:?}");
        }
    }

    #[test]
    fn an_overdue_signature_is_the_fault_of_a_temporary_key_first() {
        let over = Evidence::Answer(Class::SignatureExpired);
        for (temporary, remedies) in [
            (true, &[Decision::RefreshCredentials, Decision::Resign, Decision::Stop][..]),
            (false, &[Decision::Resign, Decision::Stop]),
        ] {
            let mut history = History { tries: 1, ..History::default() };
            for remedy in remedies {
                assert_eq!(history.decide(over, Safety::Read, true, temporary, 4), *remedy);
            }
        }
    }

    #[test]
    fn a_checksum_that_does_not_match_is_read_again_once() {
        let mut history = History { tries: 1, ..History::default() };
        assert!(waits(history.decide(Evidence::Answer(Class::Integrity), Safety::Read, true, false, 4)));
        assert_eq!(history.decide(Evidence::Answer(Class::Integrity), Safety::Read, true, false, 4), Decision::Stop);
    }

    #[test]
    fn nothing_is_repeated_past_the_limit_or_without_a_body() {
        for safety in ALL {
            for evidence in [
                Evidence::Unsent,
                Evidence::Unknown,
                Evidence::Unexplained,
                Evidence::Answer(Class::Transient),
                Evidence::Answer(Class::NotCos),
                Evidence::Answer(Class::Throttled),
                Evidence::Answer(Class::Integrity),
            ] {
                let mut history = History { tries: 4, ..History::default() };
                assert!(!waits(history.decide(evidence, safety, true, false, 4)));
                let mut history = History { tries: 1, ..History::default() };
                assert!(!waits(history.decide(evidence, safety, false, false, 4)));
            }
            assert_eq!(first(Evidence::Final, safety), Decision::Stop);
            assert_eq!(first(Evidence::Answer(Class::Terminal), safety), Decision::Stop);
        }
    }

    #[test]
    fn waits_double_to_the_cap() {
        let base = Duration::from_millis(100);
        assert_eq!(backoff(base, 1, 1.0), base);
        assert_eq!(backoff(base, 4, 1.0), base * 8);
        assert_eq!(backoff(base, u32::MAX, 1.0), BACKOFF_CAP);
        assert_eq!(backoff(base, 3, 0.0), Duration::ZERO);
    }

    #[test]
    fn what_did_not_go_out_to_its_end_leaves_nothing_behind() {
        for safety in ALL {
            let mut history = History { tries: 1, ..History::default() };
            assert!(waits(history.decide(Evidence::Incomplete, safety, true, false, 4)));
            assert!(!history.ambiguous && history.shuns_idle());
            history.tries = 4;
            assert_eq!(history.decide(Evidence::Incomplete, safety, true, false, 4), Decision::Stop);
            assert_eq!(first(Evidence::Shortage, safety), Decision::Wait { base: THROTTLE_BASE, cost: 0 });
        }
    }

    fn answered(status: u16, code: &str, date: Option<&'static str>) -> Error {
        refused(status, code, date.map(|date| ("date", date)).as_slice())
    }

    fn refused(status: u16, code: &str, headers: &[(&str, &str)]) -> Error {
        let answer = Response::builder().status(status).header("x-cos-request-id", "NjQ");
        let answer = headers.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value));
        let document = Bytes::from(format!("<Error><Code>{code}</Code></Error>"));
        read_response(&GetObject::new(key()), &Sent::default(), answer.body(document).unwrap()).unwrap_err()
    }

    fn key() -> crate::key::ObjectKey {
        "k".parse().unwrap()
    }

    const NOW: &str = "Thu, 16 May 2019 06:45:51 GMT";

    fn after<O: Operation>(attempts: &mut Attempts, operation: &O, error: Error) -> Result<Next<O::Output>> {
        let key = Credentials::with_token("id", "key", "token").unwrap();
        attempts.failed(operation, error, &key, crate::time::parse_http_date(NOW).unwrap(), 1.0)
    }

    #[test]
    fn each_attempt_says_what_comes_after_it() {
        let get = GetObject::new(key());
        let mut attempts = Attempts::new(3);
        let lost = || Error::from(TransportError::new(Phase::Connect, "refused"));
        assert!(matches!(after(&mut attempts, &get, lost()), Ok(Next::Wait(wait)) if wait == BACKOFF_BASE));
        let slow = after(&mut attempts, &get, answered(503, "SlowDown", None));
        assert!(matches!(slow, Ok(Next::Wait(wait)) if wait == 2 * THROTTLE_BASE));
        let old = after(&mut attempts, &get, answered(403, "ExpiredToken", None));
        assert!(matches!(old, Ok(Next::RefreshCredentials(error)) if error.is_expired_credential()));
        let skewed = || answered(403, "RequestTimeTooSkewed", Some("Thu, 16 May 2019 07:15:51 GMT"));
        let ahead = crate::time::parse_http_date(NOW).unwrap() + Duration::from_secs(1800);
        assert!(matches!(after(&mut attempts, &get, skewed()), Ok(Next::SetClock(time)) if time == ahead));
        assert_eq!(attempts.number(), 5);
        let end = after(&mut attempts, &get, answered(500, "InternalError", None)).unwrap_err();
        assert_eq!((end.attempts(), end.may_have_taken_effect()), (5, false));
        let kept = refused(403, "RequestTimeTooSkewed", &[("date", "Thu, 16 May 2019 07:15:51 GMT"), ("age", "9")]);
        assert!(after(&mut Attempts::new(3), &get, kept).is_err());
        let same_clock = answered(403, "RequestTimeTooSkewed", Some(NOW));
        assert!(after(&mut Attempts::new(3), &get, same_clock).is_err());
        let tls = Error::from(TransportError::new(Phase::Tls, "a stranger's certificate"));
        assert!(after(&mut Attempts::new(3), &get, tls).is_err());
        assert!(after(&mut Attempts::new(3), &get, Error::new(ErrorKind::Io, "the disk is gone")).is_err());
    }

    #[test]
    fn no_time_is_too_late_to_judge_a_key_by() {
        let later = |time: SystemTime, bit: u32| time.checked_add(Duration::from_secs(1_u64 << bit)).unwrap_or(time);
        let end_of_time = (0..63).rev().fold(SystemTime::UNIX_EPOCH, later);
        assert!(is_ending(&Credentials::with_token("id", "key", "token").unwrap(), end_of_time));
        assert!(!is_ending(&Credentials::permanent("id", "key").unwrap(), end_of_time));
    }

    #[test]
    fn an_end_that_is_unknown_is_told_or_settled() {
        let silent = || Error::from(TransportError::new(Phase::AwaitHeaders, "silence").with_timed_out(true));
        let begin = InitiateMultipartUpload::new(key());
        let end = after(&mut Attempts::new(3), &begin, silent()).unwrap_err();
        assert_eq!((end.kind(), end.operation()), (ErrorKind::Ambiguous, Some(InitiateMultipartUpload::NAME)));
        let abort = AbortMultipartUpload::new(key(), "upload");
        let mut attempts = Attempts::new(3);
        let gone = || answered(404, "NoSuchUpload", None);
        assert!(after(&mut Attempts::new(3), &abort, gone()).is_err());
        assert!(matches!(after(&mut attempts, &abort, silent()), Ok(Next::Wait(_))));
        assert!(matches!(after(&mut attempts, &abort, gone()), Ok(Next::Done(_))));
    }
}
