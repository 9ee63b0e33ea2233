//! The object that is asked for, in one request or in parts.

use http::HeaderMap;

use crate::body::Body;
use crate::key::ObjectKey;
use crate::multipart::{InitiateMultipartUpload, UploadPart};
use crate::object::PutObject;
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
        let mut put = PutObject::new(self.key.clone(), body).attributes(self.attributes.clone());
        if let Some(acl) = &self.acl {
            put = put.acl(acl.clone());
        }
        if let Some(tags) = &self.tags {
            put = put.tags(tags.clone());
        }
        if let Some(encryption) = &self.encryption {
            put = put.encryption(encryption.clone());
        }
        if let Some(limit) = self.traffic_limit {
            put = put.traffic_limit(limit);
        }
        if let Some(callback) = &self.callback {
            put = put.callback(callback.clone());
        }
        if self.forbid_overwrite { put.forbid_overwrite() } else { put }
    }

    pub(super) fn initiate(&self) -> Beginning {
        let mut initiate = InitiateMultipartUpload::new(self.key.clone()).attributes(self.attributes.clone());
        if let Some(acl) = &self.acl {
            initiate = initiate.acl(acl.clone());
        }
        if let Some(tags) = &self.tags {
            initiate = initiate.tags(tags.clone());
        }
        if let Some(encryption) = &self.encryption {
            initiate = initiate.encryption(encryption.clone());
        }
        let initiate = if self.forbid_overwrite { initiate.forbid_overwrite() } else { initiate };
        Beginning { initiate, carried: HeaderMap::new() }
    }

    pub(super) fn part(&self, upload_id: &str, number: u32, body: Body) -> UploadPart {
        let mut part = UploadPart::new(self.key.clone(), upload_id, number, body);
        if let Some(key) = self.customer_key() {
            part = part.customer_key(key.clone());
        }
        if let Some(limit) = self.traffic_limit {
            part = part.traffic_limit(limit);
        }
        part
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
