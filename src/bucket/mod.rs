//! Operations on buckets, one file each.

mod acl;
mod cors;
mod create;
mod delete;
mod head;
mod lifecycle;
mod list;
mod list_buckets;
mod list_versions;
mod versioning;

pub use self::acl::{GetBucketAcl, PutBucketAcl, PutBucketAclOutput};
pub use self::cors::{
    CorsConfiguration, CorsRule, DeleteBucketCors, DeleteBucketCorsOutput, GetBucketCors, PutBucketCors,
    PutBucketCorsOutput,
};
pub use self::create::{CreateBucket, CreateBucketOutput};
pub use self::delete::{DeleteBucket, DeleteBucketOutput};
pub use self::head::{BucketMeta, HeadBucket};
pub use self::lifecycle::{
    DeleteBucketLifecycle, DeleteBucketLifecycleOutput, GetBucketLifecycle, LifecycleConfiguration,
    LifecycleExpiration, LifecycleFilter, LifecycleRule, LifecycleTime, LifecycleTransition,
    NoncurrentVersionTransition, PutBucketLifecycle, PutBucketLifecycleOutput,
};
pub use self::list::{ListObjects, ObjectList, ObjectSummary};
pub use self::list_buckets::{BucketList, BucketSummary, ListBuckets};
pub use self::list_versions::{ListObjectVersions, ObjectVersion, VersionList};
pub use self::versioning::{GetBucketVersioning, PutBucketVersioning, PutBucketVersioningOutput, Versioning};
