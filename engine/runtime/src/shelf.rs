//! Small values of plugins: by environment, plugin and key, outliving runs.

use runbook_step::notes::{Held, Shelf, Shelving};

use crate::store::Store;

/// The values of one environment.
pub(crate) struct EnvironmentShelf {
    pub(crate) store: Store,
    pub(crate) environment: String,
}

impl std::fmt::Debug for EnvironmentShelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EnvironmentShelf")
            .field(&self.environment)
            .finish()
    }
}

impl Shelf for EnvironmentShelf {
    fn get(&self, owner: &str, key: &str) -> Result<Held, String> {
        let snapshot = self.store.snapshot().map_err(|error| error.to_string())?;
        snapshot
            .kept_value(&self.environment, owner, key)
            .map_err(|error| error.to_string())
    }

    fn set<'a>(
        &'a self,
        owner: &'a str,
        key: &'a str,
        expected: Option<Held>,
        value: Held,
    ) -> Shelving<'a> {
        Box::pin(async move {
            let place = [&self.environment, owner, key].map(str::to_owned);
            self.store
                .keep_value(place, expected, value)
                .await
                .map_err(|error| error.to_string())
        })
    }
}
