//! The definitions that the drivers of a process hold. Content has one hash, so a thousand runs of one
//! runbook read and keep it once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use runbook_core::Runbook;

use crate::Definition;
use crate::store::{RunInfo, Snapshot, StoreError};

/// The definition that was read last, as long as a driver holds it.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<Slot>);

#[derive(Default)]
struct Slot {
    hash: String,
    definition: Weak<Definition>,
    /// Its runbooks, by the entry of the runs that follow them.
    books: BTreeMap<Option<String>, Weak<Runbook>>,
}

/// What a run pins: the definition, and the one of its runbooks that the run follows. The root's is
/// moved out of the definition, where nobody else looks for it.
pub(crate) type Pinned = (Arc<Definition>, Arc<Runbook>);

impl Shelf {
    /// What a run pins, read from the store unless a driver of this process has it.
    pub(crate) fn take(&self, snapshot: &Snapshot, info: &RunInfo) -> Result<Pinned, StoreError> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pinned) = slot.find(info) {
            return Ok(pinned);
        }
        let mut definition = snapshot.definition(info)?;
        let book = definition
            .take_entry(info.entry.as_deref())
            .ok_or_else(|| StoreError::Corrupt {
                run: info.id.clone(),
                reason: "its definition does not hold its runbook".to_owned(),
            })?;
        let (definition, book) = (Arc::new(definition), Arc::new(book));
        *slot = Slot {
            hash: info.definition.clone(),
            definition: Arc::downgrade(&definition),
            books: BTreeMap::from([(info.entry.clone(), Arc::downgrade(&book))]),
        };
        Ok((definition, book))
    }
}

impl Slot {
    fn find(&mut self, info: &RunInfo) -> Option<Pinned> {
        if self.hash != info.definition {
            return None;
        }
        let definition = self.definition.upgrade()?;
        if let Some(book) = self.books.get(&info.entry).and_then(Weak::upgrade) {
            return Some((definition, book));
        }
        // The root's was moved out.
        let file = info.entry.as_deref()?;
        let book = Arc::new(definition.children.get(file)?.clone());
        self.books.insert(info.entry.clone(), Arc::downgrade(&book));
        Some((definition, book))
    }
}
