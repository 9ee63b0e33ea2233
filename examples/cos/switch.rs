//! What can be turned on, and off again.

use clap::Args;

/// `--enable` or `--suspend`, or neither.
#[derive(Debug, Args)]
pub struct Switch {
    /// Turn it on
    #[arg(long)]
    enable: bool,
    /// Turn it off, until it is turned on again
    #[arg(long, conflicts_with = "enable")]
    suspend: bool,
}

impl Switch {
    /// Whether it shall be on; `None` to leave it as it is.
    pub fn wanted(&self) -> Option<bool> {
        (self.enable || self.suspend).then_some(self.enable)
    }
}
