//! How the examples end.

use std::error::Error;
use std::process::ExitCode;

pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Tells an error with its causes in one line.
pub fn finish(outcome: Outcome) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("{}", with_causes(&*error));
    ExitCode::FAILURE
}

pub fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
