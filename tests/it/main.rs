//! The client against the emulator, by theme. One binary, so that it links once.

mod blocking;
mod cli;
mod clock;
mod compile;
mod directories;
mod download;
mod everyday;
mod explain;
mod failover;
mod faults;
mod forms;
mod keys;
mod multipart;
mod operations;
mod presign;
mod refresh;
mod resume;
mod retries;
mod secrets;
mod sources;
mod sts;
mod support;
mod tamper;
mod upload;
mod vectors;
mod waiting;
