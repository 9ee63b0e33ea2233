//! Directories: up, down, and both sides made alike.

#[cfg(unix)]
mod deletions;
mod down;
mod inside;
mod tree;
mod up;
