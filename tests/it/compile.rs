//! What the compiler must grant: values that move between threads, futures that are small.

use std::mem::size_of_val;
use std::panic::{RefUnwindSafe, UnwindSafe};

use tencent_cos::client::provider::{
    ChainCredentials, CredentialError, EndpointCredentials, EnvironmentCredentials, MetadataCredentials,
    ProfileCredentials, RefreshingCredentials, Snapshot, WebIdentityCredentials,
};
use tencent_cos::policy::Policy;
use tencent_cos::sign::{SigningKey, Stages};
use tencent_cos::transfer::{DirectoryReport, OrphansAborted};
use tencent_cos::{
    Body, Bucket, ByteReader, ByteStream, Client, ClientBuilder, Connections, Credentials, DeleteObjectsOutput,
    Endpoint, Error, GetObject, HttpClient, ListObjects, Listing, Object, ObjectKey, ObjectMeta, Overrides, Payload,
    PostForm, PostPolicy, Presigned, PutObject, PutObjectOutput, SessionCredentials, TransportError, blocking, sts,
    transfer,
};

use crate::support::InMemory;

fn send<T: Send>(_: &T) {}
fn shared<T: Send + Sync>() {}
fn moved<T: Send + 'static>() {}
fn cloned<T: Clone + Send + Sync + 'static>() {}

#[test]
fn values_move_and_are_shared() {
    cloned::<Client>();
    cloned::<Bucket>();
    cloned::<Overrides>();
    cloned::<Credentials>();
    cloned::<SessionCredentials>();
    cloned::<RefreshingCredentials>();
    cloned::<Snapshot>();
    cloned::<CredentialError>();
    cloned::<EnvironmentCredentials>();
    cloned::<ProfileCredentials>();
    cloned::<WebIdentityCredentials>();
    cloned::<MetadataCredentials>();
    cloned::<EndpointCredentials>();
    shared::<ChainCredentials>();
    cloned::<sts::Client>();
    cloned::<sts::Issued>();
    cloned::<sts::Issuer<sts::GetFederationToken>>();
    shared::<sts::ClientBuilder>();
    cloned::<Policy>();
    cloned::<PostPolicy>();
    cloned::<PostForm>();
    shared::<Connections>();
    cloned::<Body>();
    cloned::<PutObject>();
    cloned::<GetObject>();
    cloned::<ListObjects>();
    moved::<Listing<ObjectMeta>>();
    cloned::<transfer::DownloadToPath>();
    cloned::<PutObjectOutput>();
    cloned::<ObjectMeta>();
    cloned::<ObjectKey>();
    cloned::<Endpoint>();
    cloned::<Presigned>();
    cloned::<SigningKey>();
    cloned::<Stages>();
    shared::<ClientBuilder>();
    shared::<Error>();
    shared::<TransportError>();
    shared::<Object>();
    shared::<ByteStream>();
    shared::<Box<dyn HttpClient>>();
    shared::<ByteReader>();
    // What a transport moves to where it sends.
    moved::<Payload>();
}

/// `?` takes our error into those that people use.
#[test]
fn the_error_fits_into_a_box() {
    fn boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let _: ObjectKey = "..".parse()?;
        Ok(())
    }
    assert!(boxed().unwrap_err().downcast::<Error>().is_ok());
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}

/// What says what failed, or does nothing by itself: the compiler tells who drops it unread. If it did not, nothing were to
/// be expected here.
#[deny(unfulfilled_lint_expectations)]
mod unread {
    use super::*;

    fn got<T>() -> T {
        unreachable!()
    }

    macro_rules! is_told {
        ($($name:ident: $what:ty),+ $(,)?) => {
            $(
                #[expect(unused_must_use)]
                #[allow(dead_code)]
                fn $name() {
                    got::<$what>();
                }
            )+
        };
    }

    is_told! {
        delete_objects: DeleteObjectsOutput,
        orphans: OrphansAborted,
        directory: DirectoryReport,
        iterator: blocking::Iter<ObjectMeta>,
        listing: Listing<ObjectMeta>,
        upload: transfer::Upload,
        download: transfer::Download,
        upload_directory: transfer::UploadDirectory,
        download_directory: transfer::DownloadDirectory,
        copy: transfer::LargeCopy,
        copy_directory: transfer::CopyDirectory,
        federation: sts::GetFederationToken,
    }
}

/// A panic elsewhere does not make a handle useless: keys and values can cross `catch_unwind`.
#[test]
fn plain_values_are_unwind_safe() {
    fn safe<T: UnwindSafe + RefUnwindSafe>() {}
    safe::<Credentials>();
    safe::<ObjectKey>();
    safe::<Endpoint>();
    safe::<SigningKey>();
}

#[tokio::test]
async fn futures_are_sent_and_small() {
    let mem = InMemory::new();
    let bucket = mem.bucket();
    let sizes = {
        let put = bucket.put("k", "x");
        let get = bucket.get("k");
        let head = bucket.head("k");
        let exists = bucket.exists("k");
        let delete = bucket.delete("k");
        let list = bucket.send(ListObjects::new());
        let presign = bucket.presign_get("k", std::time::Duration::from_secs(60));
        let sign = bucket.sign(GetObject::new("k".parse().unwrap()));
        send(&put);
        send(&get);
        send(&head);
        send(&exists);
        send(&delete);
        send(&list);
        send(&presign);
        send(&sign);
        send(&bucket.list(""));
        send(&bucket.pages(ListObjects::new()));
        [
            ("put", size_of_val(&put)),
            ("get", size_of_val(&get)),
            ("head", size_of_val(&head)),
            ("exists", size_of_val(&exists)),
            ("delete", size_of_val(&delete)),
            ("list", size_of_val(&list)),
            ("presign", size_of_val(&presign)),
            ("sign", size_of_val(&sign)),
        ]
    };
    for (name, size) in sizes {
        assert!(size <= 4096, "{name}: {size} bytes of {sizes:?}");
    }
    // They are 'static once they own their handle: what `tokio::spawn` asks for.
    let owned = bucket.clone();
    tokio::spawn(async move { owned.put("k", "x").await }).await.unwrap().unwrap();
}
