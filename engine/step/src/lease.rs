//! The right of the process to act for a run. A stalled process that comes back must not call out before
//! it knows that nobody has taken over.

use std::future::Future;
use std::sync::Arc;

/// Whether the right to act still holds, as the monotonic clock says.
#[derive(Clone)]
pub struct Lease(Arc<dyn Fn() -> bool + Send + Sync>);

impl Lease {
    /// A lease that holds while `holds` says so.
    pub fn new(holds: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(holds))
    }

    /// Whether it holds now.
    #[must_use]
    pub fn holds(&self) -> bool {
        (self.0)()
    }

    /// Carries `work` out under this lease: [`holds`] asks for it.
    pub async fn cover<T>(self, work: impl Future<Output = T>) -> T {
        COVER.scope(self, work).await
    }
}

tokio::task_local! {
    static COVER: Lease;
}

/// Whether the attempt that this code runs in may still call out; asked just before each request leaves.
/// Where no lease covers the code, nothing forbids it.
#[must_use]
pub fn holds() -> bool {
    COVER.try_with(Lease::holds).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn code_without_a_lease_may_call_and_covered_code_asks_it() {
        assert!(holds());
        let lost = Lease::new(|| false);
        assert!(!lost.cover(async { holds() }).await);
        assert!(holds());
    }
}
