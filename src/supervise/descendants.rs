//! Ends what a child has left behind: nobody may hold the container's pipes
//! after its program has ended.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::kernel::{self, Children, Signals};
use super::signal::Signal;

/// Processes that the kernel does not end in this time (they wait for a disk
/// or a network) are left to it.
const LONGEST: Duration = Duration::from_secs(2);

/// How long to wait for the end of those that were killed, before whoever
/// has come to this process in the meantime is looked for.
const ROUND_MILLISECONDS: u16 = 20;

/// Kills all children of this process, and theirs, which become its own when
/// their parents are gone.
pub(super) fn end_all(signals: &Signals) {
    let begin = Instant::now();
    while !all_reaped() {
        for pid in children() {
            kernel::send(pid, Signal::KILL);
        }
        if begin.elapsed() >= LONGEST {
            return;
        }
        let mut waiting = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut waiting, PollTimeout::from(ROUND_MILLISECONDS));
        let _ = signals.read();
    }
}

/// Takes note of all that have ended. Whether there are no others.
fn all_reaped() -> bool {
    loop {
        match kernel::peek() {
            Children::None => return true,
            Children::Run => return false,
            Children::Changed(pid, _) => kernel::reap(pid),
        }
    }
}

/// The children of this process.
fn children() -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists: Vec<String> = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .collect();
    if lists.is_empty() {
        // Some kernels are built without these lists.
        return by_parent(std::process::id());
    }
    lists
        .iter()
        .flat_map(|list| list.split_whitespace())
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// The same from the table of all processes.
fn by_parent(parent: u32) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|process| {
            let pid = process.ok()?.file_name().to_str()?.parse().ok()?;
            let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name of the program stands in parentheses and may hold any.
            let after_name = text.rsplit_once(')')?.1;
            let found: u32 = after_name.split_whitespace().nth(1)?.parse().ok()?;
            (found == parent).then_some(pid)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::by_parent;

    #[test]
    fn the_table_of_processes_tells_the_children_too() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let found = by_parent(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&i32::try_from(child.id()).unwrap()), "{found:?}");
        assert!(!found.contains(&1), "{found:?}");
    }
}
