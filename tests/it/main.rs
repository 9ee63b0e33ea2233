//! The client against the emulator, by theme. One binary, so that it links once.

mod cli;
mod everyday;
mod keys;
mod refresh;
mod support;
mod tamper;
mod vectors;
