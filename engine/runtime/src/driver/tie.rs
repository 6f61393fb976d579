//! What ties a child run to the driver of the run that waits for it. Both sides follow from journals: the
//! orders from the parent's state, so that a crash loses none, and the standing from the child's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use runbook_core::{Input, Run, RunStatus};
use tokio::sync::watch;

/// What a parent wants of its children, from its state alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    cancel: bool,
    force: bool,
    pause: bool,
}

impl Orders {
    pub(crate) fn of(run: &Run) -> Self {
        Self {
            cancel: run.is_cancelled() || run.is_rolling_back(),
            force: run.is_forced(),
            pause: run.is_paused(),
        }
    }
}

/// What a child does, for its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Work is in flight, or a timer will bring some.
    Busy,
    /// Only a person can move it.
    Waiting,
    /// A failed step or an operator holds it.
    Paused,
}

/// The child's end of a tie.
#[derive(Clone)]
pub(crate) struct Tie {
    /// Who gives the orders, for the record.
    pub(crate) actor: String,
    pub(crate) orders: watch::Receiver<Orders>,
    standing: Arc<AtomicU8>,
    /// The child is to be rolled back.
    pub(crate) back: bool,
    /// The parent goes on from a restored copy, and so does the child.
    pub(crate) restored: bool,
}

impl Tie {
    pub(crate) fn new(
        actor: String,
        orders: watch::Receiver<Orders>,
        (back, restored): (bool, bool),
    ) -> Self {
        Self {
            actor,
            orders,
            standing: Arc::default(),
            back,
            restored,
        }
    }

    pub(crate) fn stand(&self, standing: Standing) {
        self.standing.store(standing as u8, Ordering::Release);
    }

    pub(crate) fn standing(&self) -> Standing {
        match self.standing.load(Ordering::Acquire) {
            1 => Standing::Waiting,
            2 => Standing::Paused,
            _ => Standing::Busy,
        }
    }

    /// What the orders mean for a child in this state.
    pub(crate) fn input(&self, run: &Run) -> Option<Input> {
        let orders = self.orders.borrow().clone();
        let actor = self.actor.clone();
        if self.back || run.is_rolling_back() {
            return None;
        }
        if orders.cancel {
            let open = orders.force && !run.status().is_terminal();
            return (open || !run.is_cancelled()).then_some(Input::Cancel {
                actor,
                reason: None,
            });
        }
        let held_by_parent = run.paused_by() == Some(self.actor.as_str());
        match (orders.pause, run.status()) {
            (true, RunStatus::Running | RunStatus::Waiting) if !run.is_paused() => {
                Some(Input::Pause {
                    actor,
                    reason: "the run that waits for it is paused".to_owned(),
                })
            }
            (false, RunStatus::Paused) if held_by_parent => Some(Input::Unpause { actor }),
            _ => None,
        }
    }
}
