//! Operations on objects, one file each.

mod acl;
mod append;
mod copy;
mod delete;
mod delete_many;
mod get;
mod head;
mod post_policy;
mod preflight;
mod put;
mod restore;
mod retention;
mod select;
mod symlink;
mod tagging;

pub use self::acl::{GetObjectAcl, PutObjectAcl};
pub use self::append::{AppendObject, AppendObjectOutput};
pub use self::copy::{CopyObject, CopyObjectOutput};
pub use self::delete::{DeleteObject, DeleteObjectOutput};
pub use self::delete_many::{DeleteFailure, DeleteKey, DeleteObjects, DeleteObjectsOutput, DeletedObject};
pub use self::get::{GetObject, Integrity, Object, Unverified};
pub use self::head::{HeadObject, ObjectMeta};
pub use self::post_policy::{PostForm, PostPolicy};
pub use self::preflight::{OptionsObject, Preflight};
pub use self::put::{PutObject, PutObjectOutput};
pub use self::restore::{RestoreObject, RestoreObjectOutput, RestoreTier, Restored};
pub use self::retention::{GetObjectRetention, PutObjectRetention, Retention};
pub use self::select::{
    CompressionType, CsvInput, CsvOutput, FileHeaderInfo, QuoteFields, SelectInput, SelectObjectContent, SelectOutput,
    SelectProgress, SelectStats, Selection,
};
pub use self::symlink::{GetSymlink, PutSymlink, PutSymlinkOutput, Symlink};
pub use self::tagging::{
    DeleteObjectTagging, GetObjectTagging, GetObjectTaggingOutput, ObjectTaggingOutput, PutObjectTagging,
};
