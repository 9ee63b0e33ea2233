//! The emulator seen from outside: requests in, answers out, on a socket and without one.

mod acl;
mod address;
mod append;
mod auth;
mod client;
mod copy;
mod cors;
mod customer_key;
mod delete_many;
mod fault;
mod headers;
mod lifecycle;
mod list;
mod metadata;
mod multipart;
mod object;
mod persist;
mod post_object;
mod program;
mod restore;
mod rights;
mod socket;
mod sts;
mod sts_client;
mod tagging;
mod versions;
