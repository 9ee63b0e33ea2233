//! A strict local COS.
