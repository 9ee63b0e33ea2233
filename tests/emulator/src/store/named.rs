//! Settings of which a bucket has several, each under an id.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::index::Change;
use crate::error::CosError;

/// What is set of a bucket by a document for each id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Named {
    Inventory,
    /// Inventories that are made once: when each was asked for, in microseconds since 1970.
    OnceInventory,
    IntelligentTiering,
}

/// By id.
pub(crate) type Documents = BTreeMap<String, Arc<str>>;

impl Bucket {
    /// All documents of a kind.
    pub(crate) fn named(&self, kind: Named) -> Documents {
        self.read().named.get(&kind).cloned().unwrap_or_default()
    }

    /// Puts a document in the place of another, or takes it away, unless `refuse` has a reason not to: it sees what is
    /// there now.
    pub(crate) fn set_named(
        &self,
        kind: Named,
        id: &str,
        document: Option<String>,
        refuse: impl FnOnce(&Documents) -> Result<(), CosError>,
    ) -> Result<(), CosError> {
        let mut state = self.open()?;
        let documents = state.named.entry(kind).or_default();
        refuse(documents)?;
        put(documents, id, document.clone());
        let sequence = self.log.next_sequence();
        drop(state);
        self.log.write_as(sequence, || Change::Named { bucket: self.name.clone(), kind, id: id.to_owned(), document })
    }

    pub(crate) fn restore_named(&self, kind: Named, id: &str, document: Option<String>) {
        put(self.write().named.entry(kind).or_default(), id, document);
    }
}

fn put(documents: &mut Documents, id: &str, document: Option<String>) {
    match document {
        Some(document) => drop(documents.insert(id.to_owned(), document.into())),
        None => drop(documents.remove(id)),
    }
}
