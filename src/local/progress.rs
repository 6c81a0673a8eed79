//! What a person sees while the run goes on: on a terminal one line a running
//! step and a count, elsewhere plain lines.

use std::collections::HashMap;
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::summary::{State, StepReport};
use crate::telemetry::say;

/// Shows progress on standard error.
pub(super) struct Progress {
    terminal: Option<Terminal>,
    total: usize,
    verbose: bool,
    quiet: bool,
    done: AtomicUsize,
}

struct Terminal {
    all: MultiProgress,
    count: ProgressBar,
    running: Mutex<HashMap<String, ProgressBar>>,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Progress").field("total", &self.total).finish_non_exhaustive()
    }
}

impl Progress {
    pub fn new(total: usize, verbose: bool, quiet: bool) -> Self {
        let terminal = (stderr().is_terminal() && !verbose && !quiet).then(|| {
            let all = MultiProgress::new();
            let count = all.add(ProgressBar::new(total as u64));
            if let Ok(style) = ProgressStyle::with_template("{pos}/{len} steps  {elapsed}") {
                count.set_style(style);
            }
            count.enable_steady_tick(Duration::from_millis(200));
            Terminal { all, count, running: Mutex::new(HashMap::new()) }
        });
        Self { terminal, total, verbose, quiet, done: AtomicUsize::new(0) }
    }

    pub fn started(&self, step: &str, attempt: u32) {
        let again = if attempt > 1 { format!(" (try {attempt})") } else { String::new() };
        let Some(terminal) = &self.terminal else {
            self.line(&format!("{step}: started{again}"));
            return;
        };
        let bar = terminal.all.insert_before(&terminal.count, ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(format!("{step}{again}"));
        bar.enable_steady_tick(Duration::from_millis(120));
        if let Ok(mut running) = terminal.running.lock()
            && let Some(old) = running.insert(step.to_owned(), bar)
        {
            old.finish_and_clear();
        }
    }

    pub fn retrying(&self, step: &str, reason: &str, pause: Duration) {
        self.line(&format!("{step}: {reason}; again in {}", seconds(pause)));
    }

    pub fn ended(&self, report: &StepReport) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let StepReport { name, state, duration, .. } = report;
        let time = seconds(*duration);
        if let Some(terminal) = &self.terminal {
            if let Ok(mut running) = terminal.running.lock()
                && let Some(bar) = running.remove(name)
            {
                bar.finish_and_clear();
            }
            terminal.count.set_position(done as u64);
            let mark = if *state == State::Succeeded { "✔" } else { "✘" };
            self.line(&format!("{mark} {name} {state} in {time}"));
        } else {
            self.line(&format!("{name}: {state} in {time} ({done}/{})", self.total));
        }
        if let State::Failed { reason, last_lines } = &report.state {
            self.always(&format!("{}: {reason}; its last lines:", report.name));
            for line in last_lines {
                self.always(&format!("  | {line}"));
            }
        }
    }

    pub fn printed(&self, step: &str, line: &str) {
        if self.verbose {
            self.always(&format!("[{step}] {line}"));
        }
    }

    pub fn line(&self, text: &str) {
        if !self.quiet {
            self.always(text);
        }
    }

    pub fn finished(&self) {
        if let Some(terminal) = &self.terminal {
            terminal.count.finish_and_clear();
        }
    }

    fn always(&self, text: &str) {
        match &self.terminal {
            Some(terminal) => terminal.all.suspend(|| say(text)),
            None => say(text),
        }
    }
}

/// `4.2s`, `1m05s`.
pub(super) fn seconds(duration: Duration) -> String {
    if duration.as_secs() < 60 {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    format!("{}m{:02}s", duration.as_secs() / 60, duration.as_secs() % 60)
}
