//! Directories: up, down, and both sides made alike.

mod down;
mod tree;
mod up;
