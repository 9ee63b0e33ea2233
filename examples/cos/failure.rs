//! Why a command ended early, and the status it ends with.

use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use tencent_cos::ErrorKind;

use crate::hint;
use crate::output::plain;

pub type Outcome<T = ()> = Result<T, Failure>;

#[derive(Debug)]
pub enum Failure {
    /// The command makes no sense; nothing was sent.
    Usage(String),
    /// It was tried, and failed.
    Failed { what: Option<String>, error: Option<Box<dyn Error + Send + Sync>>, hint: Option<String> },
    /// Nobody reads standard output any more.
    Pipe,
    /// By a signal; whatever was under way has cleaned up behind itself.
    Interrupted { hint: Option<String> },
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed { what: Some(message.into()), error: None, hint: None }
    }

    /// The same, and what to do next.
    pub fn hinted(message: impl Into<String>, hint: Option<String>) -> Self {
        Self::Failed { what: Some(message.into()), error: None, hint }
    }

    /// A local read or write.
    pub fn io(what: impl Into<String>, error: io::Error) -> Self {
        Self::Failed { what: Some(what.into()), error: Some(error.into()), hint: None }
    }

    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |error| Self::io(path.display().to_string(), error)
    }

    /// A write to standard output.
    pub fn stdout(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Pipe,
            _ => Self::io("standard output", error),
        }
    }

    /// The same, for a transfer to standard output.
    pub fn or_pipe(self) -> Self {
        let mut cause = match &self {
            Self::Failed { error: Some(error), .. } => Some(&**error as &dyn Error),
            _ => None,
        };
        while let Some(error) = cause {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if kind == Some(io::ErrorKind::BrokenPipe) {
                return Self::Pipe;
            }
            cause = error.source();
        }
        self
    }

    /// The same, where it ended work that was not done.
    pub fn early(self) -> Self {
        match self {
            Self::Pipe => Self::failed("standard output is closed: what was left by then is not done"),
            failure => failure,
        }
    }

    /// Tells it on one line of standard error, and on another what to do next; or all as one line of JSON.
    pub fn report(self, as_json: bool) -> ExitCode {
        match &self {
            Self::Pipe => {}
            _ if as_json => tell_plainly(&plain(&json!({ "error": self.as_json() }).to_string())),
            Self::Usage(_) | Self::Failed { hint: None, .. } => tell(&self.to_string()),
            Self::Failed { hint: Some(hint), .. } => {
                tell(&self.to_string());
                tell_as("hint", hint);
            }
            Self::Interrupted { hint: None } => tell("interrupted"),
            Self::Interrupted { hint: Some(hint) } => tell(&format!("interrupted; {hint}")),
        }
        match self {
            Self::Pipe => ExitCode::SUCCESS,
            Self::Failed { .. } => ExitCode::FAILURE,
            Self::Usage(_) => ExitCode::from(2),
            Self::Interrupted { .. } => ExitCode::from(130),
        }
    }
}

impl Failure {
    /// What `--json` tells of it.
    pub fn as_json(&self) -> Value {
        let (kind, error, hint) = match self {
            Self::Usage(_) => ("Usage", None, None),
            Self::Pipe => ("Io", None, None),
            Self::Interrupted { hint } => ("Interrupted", None, hint.as_deref()),
            Self::Failed { error, hint, .. } => {
                let error = error.as_deref();
                let mut causes = std::iter::successors(error.map(|error| error as &dyn Error), |&cause| cause.source());
                let ours = causes.find_map(|cause| cause.downcast_ref::<tencent_cos::Error>());
                let kind = match ours {
                    Some(ours) => ours.kind().as_str(),
                    None if error.is_some_and(<dyn Error + Send + Sync>::is::<io::Error>) => "Io",
                    None => "Failed",
                };
                (kind, ours, hint.as_deref())
            }
        };
        described(kind, &self.to_string(), error, hint)
    }
}

/// The same of an error that ends nothing.
pub fn error_json(error: &tencent_cos::Error) -> Value {
    described(error.kind().as_str(), &chain(String::new(), Some(error)), Some(error), hint::of(error).as_deref())
}

/// Every field stands there, null where nobody knows.
pub fn described(kind: &str, message: &str, error: Option<&tencent_cos::Error>, hint: Option<&str>) -> Value {
    json!({
        "kind": kind,
        "code": error.and_then(tencent_cos::Error::code),
        "status": error.and_then(tencent_cos::Error::status),
        "request_id": error.and_then(tencent_cos::Error::request_id),
        "target": error.and_then(tencent_cos::Error::target),
        "upload_id": error.and_then(tencent_cos::Error::upload_id),
        "message": message,
        "hint": hint,
    })
}

/// One line of standard error; the command goes on.
pub fn tell(message: &str) {
    tell_as("cos", message);
}

fn tell_as(who: &str, message: &str) {
    tell_plainly(&format!("{who}: {message}"));
}

/// The same without a name. Nobody may listen: that stops nothing.
pub fn tell_plainly(message: &str) {
    let _ = writeln!(io::stderr(), "{}", OneLine(message));
}

/// An argument that is refused before anything is sent is wrong usage; only a signal cancels.
impl From<tencent_cos::Error> for Failure {
    fn from(error: tencent_cos::Error) -> Self {
        match error.kind() {
            ErrorKind::Input => Self::Usage(error.to_string()),
            ErrorKind::Cancelled => Self::Interrupted { hint: None },
            _ => Self::Failed { what: None, hint: hint::of(&error), error: Some(error.into()) },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, error) = match self {
            Self::Usage(message) => return f.write_str(message),
            Self::Pipe => return f.write_str("broken pipe"),
            Self::Interrupted { .. } => return f.write_str("interrupted"),
            Self::Failed { what, error, .. } => (what, error),
        };
        let error = error.as_deref().map(|error| error as &dyn Error);
        f.write_str(&chain(what.clone().unwrap_or_default(), error))
    }
}

/// An error and what it came from, behind what there is already.
pub fn chain(mut text: String, error: Option<&dyn Error>) -> String {
    let mut cause = error;
    while let Some(error) = cause {
        let told = error.to_string();
        // Some errors repeat their source.
        if !text.contains(&told) {
            text = if text.is_empty() { told } else { format!("{text}: {told}") };
        }
        cause = error.source();
    }
    text
}

/// Whether a character does more on a terminal than stand there: controls, and what breaks lines or turns their direction.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text of strangers, kept from moving the cursor of a terminal and from looking like other text.
pub struct OneLine<'a>(pub &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_control(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                fmt::Write::write_char(f, c)?;
            }
        }
        Ok(())
    }
}
