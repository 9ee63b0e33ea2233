//! The emulator seen from outside: requests in, answers out, on a socket and without one.

mod address;
mod auth;
mod client;
mod fault;
mod list;
mod object;
mod persist;
mod socket;
