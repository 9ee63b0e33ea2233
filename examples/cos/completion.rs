//! `cos completion`.

use std::io::{self, Write as _};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Settings;
use crate::failure::{Failure, Outcome};

pub const EXAMPLES: &str = "\
Examples:
  source <(cos completion bash)
  cos completion zsh > \"${fpath[1]}/_cos\"
  cos completion fish > ~/.config/fish/completions/cos.fish";

/// Print what lets a shell complete commands and options
///
/// The program must be called `cos` on the path for it.
#[derive(Debug, Args)]
pub struct Completion {
    /// Whose
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub fn run(Completion { shell }: &Completion) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut Settings::command(), "cos", &mut script);
    io::stdout().write_all(&script).map_err(Failure::stdout)
}
