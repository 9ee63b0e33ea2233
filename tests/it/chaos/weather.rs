//! What goes wrong.

use std::time::Duration;

use bytes::Bytes;
use cos_emulator::{Action, Effect, Emulator, Ending, Matcher, Rule, Spaces};

use crate::support::Random;

/// What is on the way between the client and the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Nothing arrives changed.
    Honest,
    /// Bytes are changed on their way.
    Corrupting,
}

/// How long things take: over sockets the clock is that of the world.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Longer than anybody waits, but for the end of a Complete.
    pub stall: Duration,
    /// Before each blank of an answer that is worked on.
    pub blank: Duration,
    /// Until what was begun by a call that was dropped is over.
    pub settled: Duration,
    /// The longest a call may take.
    pub longest: Duration,
    pub sockets: bool,
}

pub const PAUSED: Pace = Pace {
    stall: Duration::from_secs(24 * 3600),
    blank: Duration::from_secs(20),
    settled: Duration::from_secs(3600),
    // A few waits for a Complete, 20 minutes each.
    longest: Duration::from_secs(3 * 3600),
    sockets: false,
};

pub const REAL: Pace = Pace {
    stall: Duration::from_millis(700),
    blank: Duration::from_millis(20),
    // On a machine that does much else, too.
    settled: Duration::from_secs(3),
    longest: Duration::from_secs(60),
    sockets: true,
};

/// Makes about this part of the requests go wrong.
pub fn faults(emulator: &Emulator, random: &mut Random, weather: Weather, pace: Pace, part: f64) {
    let mut actions: Vec<(Matcher, Action, Effect)> = Vec::new();
    let any = Matcher::any;
    for effect in [Effect::Skip, Effect::Apply] {
        for (status, code) in [(500, "InternalError"), (503, "ServiceUnavailable")] {
            actions.push((any(), error(status, code), effect));
        }
        actions.push((any(), Action::ResetBeforeHeaders, effect));
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        actions.push((any(), Action::Foreign { status: 502, headers, body: "<html>".into() }, effect));
        for operation in ["Complete Multipart Upload", "PUT Object - Copy", "Upload Part - Copy"] {
            for then in [
                Ending::Error { code: "InternalError".to_owned(), message: String::new() },
                Ending::Nothing,
                Ending::Close,
                Ending::Reset,
                Ending::Result,
            ] {
                let (at, every) = (Spaces::default(), pace.blank);
                let spaces = Action::KeepAliveSpaces { place: at, count: 3, every, then };
                actions.push((operation.into(), spaces, effect));
            }
        }
        for operation in ["PUT Object", "APPEND Object", "Upload Part", "Initiate Multipart Upload"] {
            let empty = Action::RawBody { status: 200, headers: Vec::new(), body: Bytes::new() };
            actions.push((operation.into(), empty, effect));
        }
    }
    let at = random.below(3_000);
    for action in [
        // Whoever says this did not begin.
        error(503, "SlowDown"),
        Action::ResetAfterHeaders,
        Action::CutBody { at },
        Action::ResetBody { at },
        Action::WrongCrc,
        Action::NoRequestId,
        Action::CloseIdle,
    ] {
        actions.push((any(), action, Effect::Skip));
    }
    let stall = pace.stall;
    for action in [Action::StallBody { at, lasting: stall }, Action::StallBeforeHeaders(stall)] {
        // The end of a Complete and of a copy is waited for, 20 minutes if need be.
        let operations = ["PUT Object", "GET Object", "HEAD Object", "DELETE Object", "Upload Part", "GET Bucket"];
        for operation in operations.into_iter().filter(|_| pace.sockets) {
            actions.push((operation.into(), action.clone(), Effect::Skip));
        }
        if !pace.sockets {
            actions.push((any(), action, Effect::Skip));
        }
    }
    if pace.sockets {
        actions.push((any(), Action::CloseLater(Duration::from_millis(5)), Effect::Skip));
        for operation in ["PUT Object", "Upload Part"] {
            actions.push((operation.into(), Action::StopReading { after_bytes: at }, Effect::Skip));
        }
    }
    if weather == Weather::Corrupting {
        let corrupt = (any(), Action::CorruptByte { at: random.below(50) }, Effect::Skip);
        actions.extend([corrupt.clone(), corrupt.clone(), corrupt]);
    } else {
        actions.push((any(), Action::NoCrc, Effect::Skip));
    }
    // So many are for a request of any kind.
    let each = part / 20.0;
    emulator.clear_script();
    for (matcher, action, effect) in actions {
        let rule = Rule::on(matcher).always().chance(each, random.next());
        emulator.script(rule.then(action).effect(effect));
    }
}

fn error(status: u16, code: &str) -> Action {
    Action::Status { status, code: code.to_owned(), message: String::new(), retry_after: None, request_id: true }
}
