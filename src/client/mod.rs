//! The async client: the lowest floor that waits, sleeps and reads the clock.

mod clock;
pub mod provider;
