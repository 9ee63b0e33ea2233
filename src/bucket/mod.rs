//! Operations on buckets, one file each.

mod create;
mod delete;
mod head;
mod list;

pub use self::create::{CreateBucket, CreateBucketOutput};
pub use self::delete::{DeleteBucket, DeleteBucketOutput};
pub use self::head::{BucketMeta, HeadBucket};
pub use self::list::{ListObjects, ObjectList, ObjectSummary};
