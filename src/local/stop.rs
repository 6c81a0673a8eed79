//! How often the run was told to stop: once asks the steps to end, twice kills
//! them. Counted from a moment on, so that the exit handler, which runs after a
//! first stop, is only stopped by another one.

use tokio::sync::watch;

/// What one step sees of it.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    told: watch::Receiver<u32>,
    before: u32,
}

impl Stop {
    pub fn new(told: watch::Receiver<u32>) -> Self {
        Self { told, before: 0 }
    }

    /// The same, counting from now on.
    pub fn counted_anew(&self) -> Self {
        Self { told: self.told.clone(), before: *self.told.borrow() }
    }

    /// How often.
    pub fn times(&self) -> u32 {
        self.told.borrow().saturating_sub(self.before)
    }

    /// Waits until it is more often than `seen`; the new count.
    pub async fn more_than(&mut self, seen: u32) -> u32 {
        let before = self.before;
        match self.told.wait_for(|times| times.saturating_sub(before) > seen).await {
            Ok(times) => times.saturating_sub(before),
            // Nobody is left to tell: nothing may go on.
            Err(_) => u32::MAX,
        }
    }
}
