//! Directories: whole trees up, down and inside COS, and the two sides made alike.
//!
//! Neither the listing nor the walk is held: objects come a page at a time, files a batch at a time, and no more of
//! them are under way than may run at once. What a key becomes on the disk is decided in `names`, and where a path
//! leads in `confined`, one floor below: the first refuses what is not plain names, the second what a link would lead
//! elsewhere.

mod compare;
mod copy;
mod delete;
mod download;
mod listing;
mod merge;
mod names;
mod outlook;
mod pool;
mod report;
mod upload;
mod walk;

pub use self::compare::Compare;
pub use self::copy::CopyDirectory;
pub use self::download::DownloadDirectory;
pub use self::report::{DirectoryFailure, DirectoryFile, DirectoryReport, FileStep};
pub use self::upload::UploadDirectory;
