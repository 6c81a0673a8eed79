//! Whether the kernel has killed a process of this container for memory. Its
//! exit code does not tell: others send KILL too.

use std::path::{Path, PathBuf};

/// How often that had happened at some time, by the counters of the control
/// groups that this process is in.
#[derive(Debug, Default)]
pub(super) struct Kills(Vec<(PathBuf, u64)>);

impl Kills {
    pub fn until_now() -> Self {
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let files = candidates(&own, Path::new("/sys/fs/cgroup"));
        Self(files.into_iter().filter_map(|file| count(&file).map(|count| (file, count))).collect())
    }

    /// Whether it has happened since.
    pub fn have_become_more(&self) -> bool {
        self.0.iter().any(|(file, before)| count(file).is_some_and(|now| now > *before))
    }
}

/// Files that may hold the counter. In a container the path that the kernel
/// tells may be the host's, and what can be seen is the container's own root.
fn candidates(own: &str, root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (mounts, file): (&[&str], _) = if controllers.is_empty() {
            (&["", "unified"], "memory.events")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (&["memory"], "memory.oom_control")
        } else {
            continue;
        };
        for mount in mounts {
            let mount = root.join(mount);
            let group = mount.join(path.trim_start_matches('/')).join(file);
            let file = if group.is_file() { group } else { mount.join(file) };
            files.push(file);
        }
    }
    files
}

/// `oom_kill N`, which both versions of control groups write.
fn count(file: &Path) -> Option<u64> {
    parsed(&std::fs::read_to_string(file).ok()?)
}

fn parsed(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{candidates, parsed};

    /// In the form of the kernel's documentation (cgroup-v2, `memory.events`).
    /// Only parsed here: the machine of the tests has the memory controller
    /// in version 1, where a test is really killed for memory.
    const EVENTS_V2: &str = "low 0\nhigh 0\nmax 42\noom 3\noom_kill 2\noom_group_kill 0\n";
    const CONTROL_V1: &str = "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n";

    #[test]
    fn both_versions_are_read() {
        assert_eq!(parsed(EVENTS_V2), Some(2));
        assert_eq!(parsed(CONTROL_V1), Some(7));
        assert_eq!(parsed("oom_kill_disable 1\n"), None);
    }

    #[test]
    fn the_groups_own_file_is_taken_or_that_of_the_containers_root() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        write("memory/pod/memory.oom_control");
        write("memory.events");
        let own = "9:cpu,cpuacct:/pod\n8:memory:/pod\n0::/kubepods/pod\n";
        assert_eq!(
            candidates(own, root.path()),
            ["memory/pod/memory.oom_control", "memory.events", "unified/memory.events"]
                .map(|path| root.path().join(path))
        );
        let elsewhere = candidates("8:memory:/host/pod\n", root.path());
        assert_eq!(elsewhere, [root.path().join("memory/memory.oom_control")]);
    }
}
