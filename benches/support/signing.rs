//! A request to sign: a picture with metadata, put with a temporary key.

use http::Method;
use tencent_cos::{
    Acl, Address, Attributes, BucketName, Credentials, Endpoint, Head, ObjectKey, Operation, PutObject, Region,
};

use super::typical::{BUCKET, PATH, REGION};

pub fn credentials(token: &str) -> Credentials {
    Credentials::with_token("AKIDexampleFAKEexampleFAKEexample0001", "FAKEsecretKEYnotREALexample00000001", token)
        .expect("a key")
}

pub fn address() -> Address {
    let (bucket, region) = (BucketName::new(BUCKET).expect("a name"), Region::new(REGION).expect("a region"));
    Endpoint::default().address(Some(&bucket), &region).expect("an address")
}

pub fn put() -> Head {
    let attributes =
        Attributes::new().content_type("image/png").meta("origin", "camera-7").meta("album", "spring, 2026");
    let key = ObjectKey::new(&PATH[1..]).expect("a key");
    let put = PutObject::new(key, vec![0; 4096]).attributes(attributes).acl(Acl::private());
    put.request().expect("a request").into_head(Method::PUT, &address()).0
}
