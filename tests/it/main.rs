//! The client against the emulator, by theme. One binary, so that it links once.

mod cli;
mod clock;
mod compile;
mod everyday;
mod failover;
mod keys;
mod refresh;
mod retries;
mod secrets;
mod support;
mod tamper;
mod vectors;
mod waiting;
