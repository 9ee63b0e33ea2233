//! Fault scripts: rules that say which requests go wrong, and how.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

/// One rule of a fault script: for which requests, how often, and what happens to them.
///
/// Rules are asked in the order they were added; the first one that fires decides. A rule fires once unless told
/// otherwise.
///
/// ```
/// use cos_emulator::{Action, Effect, Matcher, Rule};
///
/// // The second PUT under `logs/` is stored, but its answer is lost.
/// let rule = Rule::on(Matcher::operation("PUT Object").prefix("logs/"))
///     .skip(1)
///     .then(Action::ResetBeforeHeaders)
///     .effect(Effect::Apply);
/// // One GET in twenty breaks off after 1000 bytes, the same ones in every run.
/// let rule = Rule::on("GET Object").always().chance(0.05, 7).then(Action::CutBody { at: 1000 });
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    matcher: Matcher,
    skip: u64,
    times: Option<u64>,
    chance: Option<Chance>,
    actions: Vec<Action>,
    effect: Effect,
}

/// Which requests a [`Rule`] is about. Every condition must hold; [`Matcher::any`] has none.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    operation: Option<String>,
    method: Option<String>,
    bucket: Option<String>,
    key: Option<String>,
    prefix: Option<String>,
    query: Vec<(String, Option<String>)>,
    header: Vec<(String, Option<String>)>,
}

/// Whether a request whose answer is replaced takes effect all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// The request changes nothing.
    #[default]
    Skip,
    /// The request is carried out, and then its answer is lost or replaced.
    Apply,
}

/// What goes wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Answers with an error document (with status 200, too). Its answer replaces the real one, see [`Effect`].
    Status {
        /// The HTTP status.
        status: u16,
        /// The code in the document.
        code: String,
        /// The message in the document.
        message: String,
        /// The value of `Retry-After`, if the header is to be sent.
        retry_after: Option<String>,
        /// Whether the answer has `x-cos-request-id`.
        request_id: bool,
    },
    /// Reads the request, then resets the connection. Replaces the answer, see [`Effect`].
    ResetBeforeHeaders,
    /// Sends the head of the real answer, then resets the connection.
    ResetAfterHeaders,
    /// Sends the real answer, then closes the connection without having announced it.
    CloseIdle,
    /// Sends the real answer, and closes the connection this long afterwards, unless another request has come on it by
    /// then: a keep-alive time that runs out while the client has the connection in its pool.
    CloseLater(Duration),
    /// Closes the connection after so many bytes of the real answer's body.
    CutBody {
        /// Bytes sent before the end.
        at: u64,
    },
    /// Resets the connection after so many bytes of the real answer's body.
    ResetBody {
        /// Bytes sent before the reset.
        at: u64,
    },
    /// Handles the request, then waits before the head of the answer.
    StallBeforeHeaders(Duration),
    /// Pauses in the body of the real answer.
    StallBody {
        /// Bytes sent before the pause.
        at: u64,
        /// How long the pause lasts.
        lasting: Duration,
    },
    /// Sends the body of the real answer at this pace.
    SlowBody {
        /// Bytes a second.
        bytes_per_second: u64,
    },
    /// Stops reading the request body for good after so many bytes.
    StopReading {
        /// Bytes read before that.
        after_bytes: u64,
    },
    /// Reads the request body at this pace, in bytes a second.
    ReadRate(u64),
    /// Answers with a CRC-64 that is off by one, in the header and in the document of a copy.
    WrongCrc,
    /// Answers without the CRC-64, in the header and in the document of a copy.
    NoCrc,
    /// Makes the checksum of one frame of the results of a SELECT wrong.
    WrongFrame {
        /// Which frame, from 0.
        number: usize,
    },
    /// Puts an error among the frames of the results of a SELECT, which end with it.
    ErrorFrame {
        /// How many frames come before it.
        after: usize,
        /// Its code.
        code: String,
        /// Its message.
        message: String,
    },
    /// Flips one bit of a byte: of the request body if the request is a PUT or POST, else of the answer's body.
    CorruptByte {
        /// Which byte.
        at: u64,
    },
    /// Takes `x-cos-request-id` (and the trace id) off the real answer.
    NoRequestId,
    /// An answer that did not come from COS: these headers, this body, nothing else. See [`Effect`].
    Foreign {
        /// The HTTP status.
        status: u16,
        /// All headers. `Content-Length` is added unless given; given larger than the body, the answer is cut short.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// An answer from COS with any body at all. Replaces the real one, see [`Effect`].
    RawBody {
        /// The HTTP status.
        status: u16,
        /// Headers beside the usual ones. A `Content-Length` larger than the body cuts the answer short.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// Waits before the request is looked at.
    Delay(Duration),
    /// Answers 200 at once and in chunks, sends spaces for a while, and says only then how it went: what Complete and
    /// the copies do when they take long.
    ///
    /// The request is carried out before the spaces if the real result follows them, else as [`Effect`] says. Headers
    /// are those of the answer at the end.
    KeepAliveSpaces {
        /// Where the spaces stand.
        place: Spaces,
        /// How many.
        count: u64,
        /// The time before each.
        every: Duration,
        /// What follows them.
        then: Ending,
    },
}

/// Where the spaces of [`Action::KeepAliveSpaces`] stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spaces {
    /// Behind the XML declaration, where every official client can read them.
    #[default]
    AfterDeclaration,
    /// Before a document that has no declaration.
    WithoutDeclaration,
    /// Before the declaration, which no XML parser has to accept.
    BeforeDeclaration,
}

/// What follows the spaces of [`Action::KeepAliveSpaces`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The real answer, an `<Error>` if it is one.
    #[default]
    Result,
    /// An `<Error>` document.
    Error {
        /// Its code.
        code: String,
        /// Its message.
        message: String,
    },
    /// The proper end of the body: nothing but spaces, and the declaration if it came first.
    Nothing,
    /// The connection is closed within the body.
    Close,
    /// The connection is reset within the body.
    Reset,
}

impl Rule {
    /// A rule for these requests. A text is the name of an operation: `Rule::on("PUT Object")`.
    pub fn on(matcher: impl Into<Matcher>) -> Self {
        Self {
            matcher: matcher.into(),
            skip: 0,
            times: Some(1),
            chance: None,
            actions: Vec::new(),
            effect: Effect::default(),
        }
    }

    /// What happens. Several actions may go together, such as [`Action::NoCrc`] and [`Action::SlowBody`].
    #[must_use]
    pub fn then(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, matches: u64) -> Self {
        self.skip = matches;
        self
    }

    /// Fires this many times, then never again. The default is once.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Fires for every matching request.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Fires with this probability, drawn from a generator of its own: the same seed fires for the same requests.
    #[must_use]
    pub fn chance(mut self, probability: f64, seed: u64) -> Self {
        self.chance = Some(Chance { probability, state: seed });
        self
    }

    /// Whether the request takes effect although its answer is replaced. The default is [`Effect::Skip`].
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

impl Matcher {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests for an operation, by its title in the COS reference: `PUT Object`, `GET Bucket`.
    pub fn operation(name: impl Into<String>) -> Self {
        Self { operation: Some(name.into()), ..Self::default() }
    }

    /// Requests with this method.
    pub fn method(name: impl Into<String>) -> Self {
        Self { method: Some(name.into()), ..Self::default() }
    }

    /// Only in this bucket.
    #[must_use]
    pub fn bucket(mut self, bucket: impl Into<String>) -> Self {
        self.bucket = Some(bucket.into());
        self
    }

    /// Only for this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Only for keys that start so.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Only with this query parameter, whatever its value.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>) -> Self {
        self.query.push((name.into(), None));
        self
    }

    /// Only with this query parameter of this value.
    #[must_use]
    pub fn query_value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), Some(value.into())));
        self
    }

    /// Only with this header, whatever its value.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header.push((name.into(), None));
        self
    }

    /// Only with this header of this value.
    #[must_use]
    pub fn header_value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.header.push((name.into(), Some(value.into())));
        self
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        let is = |want: &Option<String>, have: &str| want.as_ref().is_none_or(|want| want == have);
        is(&self.operation, subject.operation)
            && is(&self.method, subject.method)
            && is(&self.bucket, subject.bucket)
            && is(&self.key, subject.key)
            && self.prefix.as_ref().is_none_or(|prefix| subject.key.starts_with(prefix))
            && self.query.iter().all(|(name, want)| {
                let mut found = subject.query.iter().filter(|(have, _)| have == name);
                found.any(|(_, have)| is(want, have))
            })
            && self.header.iter().all(|(name, want)| {
                let mut found = subject.headers.get_all(name.as_str()).iter();
                found.any(|have| want.as_ref().is_none_or(|want| want.as_bytes() == have.as_bytes()))
            })
    }
}

impl From<&str> for Matcher {
    fn from(operation: &str) -> Self {
        Self::operation(operation)
    }
}

impl Action {
    /// An error answer with request id and without `Retry-After`: `Action::status(503, "SlowDown")`.
    pub fn status(status: u16, code: impl Into<String>) -> Self {
        let code = code.into();
        Self::Status { status, message: format!("Scripted {code}."), code, retry_after: None, request_id: true }
    }

    /// Spaces behind the XML declaration: `Action::spaces(100, Duration::from_millis(1), Ending::Result)`.
    pub fn spaces(count: u64, every: Duration, then: Ending) -> Self {
        Self::KeepAliveSpaces { place: Spaces::default(), count, every, then }
    }

    /// Whether this action takes the place of the real answer.
    pub(crate) fn replaces_answer(&self) -> bool {
        match self {
            Self::Status { .. } | Self::ResetBeforeHeaders | Self::Foreign { .. } | Self::RawBody { .. } => true,
            Self::KeepAliveSpaces { then, .. } => *then != Ending::Result,
            _ => false,
        }
    }
}

/// What a rule may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) operation: &'a str,
    pub(crate) method: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) query: &'a [(String, String)],
    pub(crate) headers: &'a HeaderMap,
}

/// What befalls one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    pub(crate) actions: Vec<Action>,
    pub(crate) effect: Effect,
}

/// The rules in force.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Vec<Rule>>);

impl Script {
    pub(crate) fn add(&self, rule: Rule) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(crate) fn fate(&self, subject: &Subject<'_>) -> Option<Fate> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.iter_mut().find_map(|rule| rule.fires(subject).then_some(&*rule))?;
        Some(Fate { actions: rule.actions.clone(), effect: rule.effect })
    }
}

impl Rule {
    fn fires(&mut self, subject: &Subject<'_>) -> bool {
        if self.times == Some(0) || !self.matcher.matches(subject) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.chance.as_mut().is_some_and(|chance| !chance.draw()) {
            return false;
        }
        self.times = self.times.map(|times| times - 1);
        true
    }
}

/// `SplitMix64`: a few lines, the same sequence everywhere.
#[derive(Clone, Debug)]
struct Chance {
    probability: f64,
    state: u64,
}

impl Chance {
    fn draw(&mut self) -> bool {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 32 bits are plenty for a probability, and fit a float exactly.
        let fraction = f64::from(u32::try_from(mixed >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        fraction < self.probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(rule: Rule, requests: usize) -> Vec<usize> {
        let script = Script::default();
        script.add(rule);
        let headers = HeaderMap::new();
        let subject = Subject {
            operation: "PUT Object",
            method: "PUT",
            bucket: "b-1",
            key: "logs/a",
            query: &[("partNumber".to_owned(), "3".to_owned())],
            headers: &headers,
        };
        (0..requests).filter(|_| script.fate(&subject).is_some()).collect()
    }

    #[test]
    fn skip_and_times_count_matching_requests() {
        assert_eq!(fired(Rule::on("PUT Object"), 3), [0]);
        assert_eq!(fired(Rule::on("PUT Object").skip(1).times(2), 5), [1, 2]);
        assert_eq!(fired(Rule::on(Matcher::any()).always(), 3), [0, 1, 2]);
        assert!(fired(Rule::on("GET Object").always(), 3).is_empty());
    }

    #[test]
    fn every_condition_must_hold() {
        let matching = Matcher::method("PUT").bucket("b-1").prefix("logs/").query_value("partNumber", "3");
        assert_eq!(fired(Rule::on(matching.clone()), 1), [0]);
        assert!(fired(Rule::on(matching.clone().key("logs/b")), 1).is_empty());
        assert!(fired(Rule::on(matching.clone().query_value("partNumber", "4")), 1).is_empty());
        assert!(fired(Rule::on(matching.header("range")), 1).is_empty());
    }

    #[test]
    fn chance_repeats_itself_and_keeps_its_rate() {
        let draw = |seed| fired(Rule::on(Matcher::any()).always().chance(0.05, seed), 10_000);
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!((400..600).contains(&draw(7).len()), "{}", draw(7).len());
    }
}
