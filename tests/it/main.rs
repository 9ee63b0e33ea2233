//! The client against the emulator, by theme. One binary, so that it links once.

mod cli;
mod everyday;
mod keys;
mod support;
mod tamper;
mod vectors;
