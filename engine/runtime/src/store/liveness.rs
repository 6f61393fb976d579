//! Who drives a run, asked without creating or writing anything.

use std::path::Path;

use super::{Filter, RunInfo, Snapshot, StoreError, drivers};

impl Snapshot {
    /// Whether a live process drives the run. Creates and writes nothing.
    #[must_use]
    pub fn is_driven(&self, run: &str) -> bool {
        self.epoch(run)
            .is_ok_and(|epoch| drivers::is_held(self.path(), run, epoch))
    }
}

/// Says who may hold the write lock that a writer did not get: one of those that drive runs.
pub(super) fn name_holders(error: StoreError) -> StoreError {
    match error {
        StoreError::InUse { path, .. } => StoreError::InUse {
            holders: holders(&path),
            path,
        },
        other => other,
    }
}

/// The runs that live processes drive, each with its owner.
fn holders(state: &Path) -> Vec<(String, String)> {
    if !drivers::is_any_held(state) {
        return Vec::new();
    }
    let runs = Snapshot::open(state).and_then(|snapshot| {
        let live = Filter {
            live: true,
            ..Filter::default()
        };
        let mut runs = snapshot.list(&live)?;
        runs.retain(|info| drivers::is_held(state, &info.id, info.epoch));
        Ok(runs)
    });
    let named = |info: RunInfo| {
        let owner = info.owner.unwrap_or_else(|| "a live process".to_owned());
        (info.id, owner)
    };
    runs.unwrap_or_default().into_iter().map(named).collect()
}
