//! How often the run was told to stop: once asks the steps to end, twice kills
//! them. Counted from a moment on, so that the exit handler, which runs after a
//! first stop, is only stopped by another one.

use tokio::sync::watch;

/// What the run was told so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub times: u32,
    /// The signal that told it first.
    pub first: Option<i32>,
}

/// What one step sees of it.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    told: watch::Receiver<Told>,
    before: u32,
}

impl Stop {
    pub fn new(told: watch::Receiver<Told>) -> Self {
        Self { told, before: 0 }
    }

    /// The same, counting from now on.
    pub fn counted_anew(&self) -> Self {
        Self { told: self.told.clone(), before: self.told.borrow().times }
    }

    /// How often.
    pub fn times(&self) -> u32 {
        self.told.borrow().times.saturating_sub(self.before)
    }

    /// The signal that told the run first.
    pub fn first(&self) -> Option<i32> {
        self.told.borrow().first
    }

    /// Waits until it is more often than `seen`; the new count.
    pub async fn more_than(&mut self, seen: u32) -> u32 {
        let before = self.before;
        match self.told.wait_for(|told| told.times.saturating_sub(before) > seen).await {
            Ok(told) => told.times.saturating_sub(before),
            // Nobody is left to tell: nothing may go on.
            Err(_) => u32::MAX,
        }
    }
}
