//! The object that is asked for, in one request or in parts.

use http::HeaderMap;

use crate::body::Body;
use crate::key::ObjectKey;
use crate::multipart::{InitiateMultipartUpload, UploadPart};
use crate::object::PutObject;
use crate::operation::given;
use crate::options::{Acl, Attributes, Callback, CustomerKey, Encryption, Tags, TrafficLimit};
use crate::transfer::commit::{Beginning, Destination};

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) key: ObjectKey,
    pub(super) attributes: Attributes,
    pub(super) acl: Option<Acl>,
    pub(super) tags: Option<Tags>,
    pub(super) encryption: Option<Encryption>,
    pub(super) traffic_limit: Option<TrafficLimit>,
    pub(super) callback: Option<Callback>,
    pub(super) forbid_overwrite: bool,
}

impl Draft {
    pub(super) fn new(key: ObjectKey) -> Self {
        Self {
            key,
            attributes: Attributes::new(),
            acl: None,
            tags: None,
            encryption: None,
            traffic_limit: None,
            callback: None,
            forbid_overwrite: false,
        }
    }

    pub(super) fn put(&self, body: Body) -> PutObject {
        let put = PutObject::new(self.key.clone(), body).attributes(self.attributes.clone());
        let put = given(put, self.acl.as_ref(), PutObject::acl);
        let put = given(put, self.tags.as_ref(), PutObject::tags);
        let put = given(put, self.encryption.as_ref(), PutObject::encryption);
        let put = given(put, self.traffic_limit.as_ref(), PutObject::traffic_limit);
        let put = given(put, self.callback.as_ref(), PutObject::callback);
        if self.forbid_overwrite { put.forbid_overwrite() } else { put }
    }

    pub(super) fn initiate(&self) -> Beginning {
        let initiate = InitiateMultipartUpload::new(self.key.clone()).attributes(self.attributes.clone());
        let initiate = given(initiate, self.acl.as_ref(), InitiateMultipartUpload::acl);
        let initiate = given(initiate, self.tags.as_ref(), InitiateMultipartUpload::tags);
        let initiate = given(initiate, self.encryption.as_ref(), InitiateMultipartUpload::encryption);
        let initiate = if self.forbid_overwrite { initiate.forbid_overwrite() } else { initiate };
        Beginning { initiate, carried: HeaderMap::new() }
    }

    pub(super) fn part(&self, upload_id: &str, number: u32, body: Body) -> UploadPart {
        let part = UploadPart::new(self.key.clone(), upload_id, number, body);
        let part = given(part, self.customer_key(), UploadPart::customer_key);
        given(part, self.traffic_limit.as_ref(), UploadPart::traffic_limit)
    }

    pub(super) fn customer_key(&self) -> Option<&CustomerKey> {
        self.encryption.as_ref()?.customer_key()
    }

    pub(super) fn destination(&self) -> Destination {
        Destination {
            key: self.key.clone(),
            customer_key: self.customer_key().cloned(),
            callback: self.callback.clone(),
            forbid_overwrite: self.forbid_overwrite,
        }
    }
}
