//! Directories: up, down, and both sides made alike.

mod tree;
mod up;
