//! The client against the emulator, by theme. One binary, so that it links once.

mod everyday;
mod support;
mod tamper;
mod vectors;
