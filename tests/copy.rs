//! Copies of trees: whole, exact, taken up after an interruption, and never out
//! of the target.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kubedro::copy::{self, Options, Summary, link_tree};
use tempfile::TempDir;

use crate::identity::deaths::{Random, rounds};
use crate::support::{kubedro, stderr};
use crate::trees::{described, fill, leftover, long_ago, make_removable, unfinished};

/// A project that is only data and a volume.
struct Pod {
    folder: TempDir,
}

const SPEC: &str = r#"{"from":"data","to":"volume"}"#;

impl Pod {
    fn new() -> Self {
        let pod = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(pod.data()).unwrap();
        fs::create_dir(pod.volume()).unwrap();
        pod
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn volume(&self) -> PathBuf {
        self.folder.path().join("volume")
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    fn command(&self, spec: &str) -> Command {
        let mut command = kubedro(&["step", "volume-init", spec]);
        command.current_dir(self.folder.path());
        command
    }

    fn fill_volume(&self) -> Output {
        self.command(SPEC).output().unwrap()
    }

    fn copy(&self) -> Result<Summary, copy::Error> {
        copy::tree(&self.data(), &self.volume(), &Options::default())
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        make_removable(self.folder.path());
    }
}

#[test]
fn random_trees_arrive_as_they_are() {
    let mut random = Random::new("random_trees_arrive_as_they_are");
    for _ in 0..rounds(15) {
        let pod = Pod::new();
        let entries = random.below(150);
        fill(&pod.data(), &mut random, entries);
        let threads = usize::try_from(1 + random.below(4)).unwrap();
        let options = Options { threads: Some(threads), ..Options::default() };
        let first = copy::tree(&pod.data(), &pod.volume(), &options).unwrap();
        let expected = described(&pod.data(), true);
        assert_eq!(described(&pod.volume(), true), expected);
        assert_eq!(first.files + first.links + first.folders, expected.len() as u64);
        // The second time everything is there already.
        let second = copy::tree(&pod.data(), &pod.volume(), &options).unwrap();
        assert_eq!(second, Summary { kept: first.files + first.links, ..first });
        assert_eq!(described(&pod.volume(), true), expected);
        assert_eq!(unfinished(&pod.volume()), Vec::<PathBuf>::new());
    }
}

#[test]
fn whatever_is_there_is_replaced() {
    let mut random = Random::new("whatever_is_there_is_replaced");
    for _ in 0..rounds(15) {
        let pod = Pod::new();
        let entries = 1 + random.below(60);
        fill(&pod.data(), &mut random, entries);
        // Another tree of many of the same names.
        fill(&pod.volume(), &mut random, entries);
        fs::create_dir(pod.outside()).unwrap();
        for entry in fs::read_dir(pod.data()).unwrap() {
            let name = entry.unwrap().file_name();
            // The name is something else there, or a link to what is not to change.
            match random.below(4) {
                0 => symlink(pod.outside(), pod.volume().join(&name)).unwrap_or_default(),
                1 => fs::create_dir_all(pod.volume().join(&name).join("deep/down"))
                    .unwrap_or_default(),
                2 => fs::write(pod.volume().join(&name), "old").unwrap_or_default(),
                _ => {}
            }
        }
        fs::write(pod.volume().join("other"), "stays").unwrap();
        pod.copy().unwrap();
        let after = described(&pod.volume(), true);
        for (path, expected) in described(&pod.data(), true) {
            let found = after.get(&path);
            // A folder that others have put something into has another time.
            assert_eq!(found, Some(&expected), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(pod.volume().join("other")).unwrap(), "stays");
        assert_eq!(fs::read_dir(pod.outside()).unwrap().count(), 0);
        assert_eq!(unfinished(&pod.volume()), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_copy_that_is_killed_at_random_is_taken_up() {
    let mut random = Random::new("a_copy_that_is_killed_at_random_is_taken_up");
    let pod = Pod::new();
    fill(&pod.data(), &mut random, 400);
    let expected = described(&pod.data(), true);
    let begin = Instant::now();
    assert!(pod.fill_volume().status.success());
    let whole = u64::try_from(begin.elapsed().as_micros()).unwrap();
    let (mut kills, mut kept) = (0, 0);
    for _ in 0..rounds(15) {
        make_removable(&pod.volume());
        fs::remove_dir_all(pod.volume()).unwrap();
        fs::create_dir(pod.volume()).unwrap();
        for _ in 0..random.below(5) {
            let mut child = pod.command(SPEC).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(random.below(whole)));
            child.kill().unwrap();
            kills += u32::from(!child.wait().unwrap().success());
            nothing_is_torn(&pod);
        }
        let output = pod.fill_volume();
        assert!(output.status.success(), "{}", stderr(&output));
        kept += u32::from(stderr(&output).contains("were there already"));
        assert_eq!(described(&pod.volume(), true), expected);
        assert_eq!(unfinished(&pod.volume()), Vec::<PathBuf>::new());
    }
    eprintln!("{kills} kills, after {kept} of which something was there already");
}

/// Every file that has its name is the source's.
fn nothing_is_torn(pod: &Pod) {
    for entry in walkdir::WalkDir::new(pod.volume()) {
        let entry = entry.unwrap();
        let below = entry.path().strip_prefix(pod.volume()).unwrap();
        let is_unfinished = entry.file_name().to_string_lossy().starts_with(".kubedro-copy-");
        if entry.file_type().is_file() && !is_unfinished {
            let source = fs::read(pod.data().join(below)).unwrap();
            assert!(fs::read(entry.path()).unwrap() == source, "{}", below.display());
        }
    }
}

#[test]
fn what_a_killed_copy_has_left_is_removed_and_nothing_else() {
    let pod = Pod::new();
    fs::create_dir(pod.data().join("a")).unwrap();
    fs::write(pod.data().join("a/file"), "text").unwrap();
    let inner = pod.volume().join("a");
    fs::create_dir(&inner).unwrap();
    for folder in [&inner, &pod.volume()] {
        fs::write(folder.join(leftover()), "half").unwrap();
        fs::write(folder.join(".kubedro-run-local"), "another's").unwrap();
        fs::write(folder.join(".kubedro-copy-mine"), "a user's").unwrap();
    }
    pod.copy().unwrap();
    for folder in [&inner, &pod.volume()] {
        assert!(!folder.join(leftover()).exists());
        assert!(folder.join(".kubedro-run-local").exists());
        assert!(folder.join(".kubedro-copy-mine").exists());
    }
}

#[test]
fn two_copies_to_one_place_wait_for_each_other() {
    let pod = Pod::new();
    fs::write(pod.data().join("file"), "text").unwrap();
    fs::write(pod.volume().join(leftover()), "half").unwrap();
    // As another copy that is at work.
    let other = File::open(pod.volume()).unwrap();
    other.lock().unwrap();
    let mut child = pod.command(SPEC).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("another process copies to"), "{line}");
    assert!(pod.volume().join(leftover()).exists(), "it is in use");
    drop(other);
    assert!(child.wait().unwrap().success());
    assert!(!pod.volume().join(leftover()).exists());
    assert!(pod.volume().join("file").exists());
}

#[test]
fn holes_stay_holes() {
    let pod = Pod::new();
    let hole = 64 << 20;
    let file = File::create(pod.data().join("sparse")).unwrap();
    file.write_all_at(b"begin", 0).unwrap();
    file.write_all_at(b"middle", hole).unwrap();
    file.set_len(2 * hole).unwrap();
    File::create(pod.data().join("empty")).unwrap().set_len(hole).unwrap();
    pod.copy().unwrap();
    assert_eq!(described(&pod.volume(), false), described(&pod.data(), false));
    for name in ["sparse", "empty"] {
        let blocks = |folder: PathBuf| fs::metadata(folder.join(name)).unwrap().blocks();
        assert!(blocks(pod.volume()) <= blocks(pod.data()) + 16, "{name}");
    }
}

#[test]
fn what_is_no_file_is_left_out_with_a_warning() {
    let pod = Pod::new();
    let pipe = pod.data().join("a\npipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(pod.data().join("socket")).unwrap();
    fs::write(pod.data().join("file"), "text").unwrap();
    let output = pod.fill_volume();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("left out").count(), 2, "{}", stderr(&output));
    let names: Vec<_> =
        fs::read_dir(pod.volume()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["file"]);
}

#[test]
fn a_source_that_shrinks_or_grows_is_told_and_never_torn() {
    for (grows, word) in [(true, "longer"), (false, "shorter")] {
        let pod = Pod::new();
        let path = pod.data().join("changing");
        let (small, large): (u64, u64) = (1 << 20, 40 << 20);
        fs::write(&path, vec![7; usize::try_from(large).unwrap()]).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let ended = AtomicBool::new(false);
        let errors = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    if grows {
                        let end = file.metadata().unwrap().len();
                        // It grows for ever, but the disk does not fill.
                        file.set_len(if end > 2 * large { large } else { end + 1 }).unwrap();
                    } else {
                        file.set_len(small).unwrap();
                        file.write_all_at(b"x", large - 1).unwrap();
                    }
                }
            });
            let errors = (0..10_000).find_map(|_| {
                let output = pod.fill_volume();
                if output.status.success() {
                    return None;
                }
                assert_eq!(output.status.code(), Some(37));
                assert_eq!(unfinished(&pod.volume()), Vec::<PathBuf>::new());
                let said = stderr(&output);
                assert!(said.contains("/data/changing: it "), "{said}");
                said.contains(word).then_some(said)
            });
            ended.store(true, Ordering::Relaxed);
            errors
        });
        assert!(errors.is_some(), "it never became {word}");
    }
}

#[test]
fn a_target_that_is_swapped_for_a_link_is_never_left() {
    let mut random = Random::new("a_target_that_is_swapped_for_a_link_is_never_left");
    for _ in 0..rounds(10) {
        let pod = Pod::new();
        let outside = pod.outside();
        fs::create_dir(&outside).unwrap();
        fs::create_dir(outside.join("deep")).unwrap();
        fs::write(outside.join("precious"), "precious").unwrap();
        let before = described(&outside, true);
        for folder in ["a", "a/deep", "b"] {
            fs::create_dir(pod.data().join(folder)).unwrap();
            for number in 0..30 {
                let path = pod.data().join(folder).join(format!("{number}"));
                fs::write(&path, vec![1; 2000]).unwrap();
            }
            fs::write(pod.data().join(folder).join("precious"), "other").unwrap();
        }
        fs::create_dir_all(pod.volume().join("a")).unwrap();
        let link = pod.volume().join("link");
        symlink(&outside, &link).unwrap();
        let ended = AtomicBool::new(false);
        // By descriptors: a path through what is a link by then would lead this
        // neighbour outside itself.
        let volume = fs::File::open(pod.volume()).unwrap();
        let inner = fs::File::open(pod.volume().join("a")).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    for (folder, name) in [(&volume, "a"), (&volume, "b"), (&inner, "deep")] {
                        let exchange = rustix::fs::RenameFlags::EXCHANGE;
                        let _ = rustix::fs::renameat_with(&volume, "link", folder, name, exchange);
                    }
                }
            });
            for _ in 0..20 {
                let threads = usize::try_from(1 + random.below(3)).unwrap();
                let options = Options { threads: Some(threads), ..Options::default() };
                // It may fail: that is what such a neighbour deserves.
                let _ = copy::tree(&pod.data(), &pod.volume(), &options);
            }
            ended.store(true, Ordering::Relaxed);
        });
        assert_eq!(described(&outside, true), before);
    }
}

#[test]
fn a_source_that_is_swapped_for_a_link_is_not_followed() {
    for _ in 0..rounds(5) {
        let pod = Pod::new();
        fs::write(pod.outside(), "secret").unwrap();
        fs::create_dir(pod.data().join("a")).unwrap();
        for number in 0..50 {
            fs::write(pod.data().join(format!("a/{number}")), "public").unwrap();
        }
        let link = pod.data().join("link");
        symlink(pod.outside(), &link).unwrap();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in (0..50).cycle() {
                    if ended.load(Ordering::Relaxed) {
                        break;
                    }
                    let _ = rustix::fs::renameat_with(
                        rustix::fs::CWD,
                        &link,
                        rustix::fs::CWD,
                        pod.data().join(format!("a/{number}")),
                        rustix::fs::RenameFlags::EXCHANGE,
                    );
                }
            });
            for _ in 0..20 {
                let _ = pod.copy();
            }
            ended.store(true, Ordering::Relaxed);
        });
        for entry in walkdir::WalkDir::new(pod.volume()) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                assert_eq!(fs::read_to_string(entry.path()).unwrap(), "public");
            }
        }
    }
}

#[test]
fn a_folder_is_not_copied_into_itself() {
    let pod = Pod::new();
    fs::write(pod.data().join("file"), "text").unwrap();
    let output = pod.command(r#"{"from":".","to":"volume"}"#).output().unwrap();
    assert_eq!(output.status.code(), Some(37));
    assert!(stderr(&output).contains("it is where the copy is to be"), "{}", stderr(&output));
}

#[test]
fn only_some_of_the_data_come_into_the_volume() {
    let pod = Pod::new();
    for file in ["01_raw/a.csv", "01_raw/deep/b.csv", "02_x/c/d", "02_x/e", "f", "g"] {
        let path = pod.data().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    fs::set_permissions(pod.data().join("02_x"), Permissions::from_mode(0o750)).unwrap();
    File::open(pod.data().join("02_x")).unwrap().set_modified(long_ago()).unwrap();
    symlink("02_x", pod.data().join("link")).unwrap();
    let spec = r#"{"from":"data","to":"volume","paths":["01_raw","./02_x/c","f"]}"#;
    let output = pod.command(spec).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let mut expected = described(&pod.data(), true);
    for left_out in ["02_x/e", "g", "link"] {
        expected.remove(Path::new(left_out)).unwrap();
    }
    assert_eq!(described(&pod.volume(), true), expected);

    for (missing, code) in [("03_none", 37), ("link/e", 37), ("../volume", 38), ("/etc", 38)] {
        let spec = format!(r#"{{"from":"data","to":"volume","paths":["{missing}"]}}"#);
        let output = pod.command(&spec).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{missing}: {}", stderr(&output));
        assert!(stderr(&output).contains(missing), "{}", stderr(&output));
    }
}

#[test]
fn a_tree_of_links_is_the_same_files() {
    let mut random = Random::new("a_tree_of_links_is_the_same_files");
    for _ in 0..rounds(10) {
        let pod = Pod::new();
        fill(&pod.data(), &mut random, 60);
        let to = pod.folder.path().join("deep/er/staged");
        // Twice: the second time something of an earlier attempt is there.
        for _ in 0..2 {
            let summary = link_tree(&pod.data(), &to).unwrap();
            let expected = described(&pod.data(), true);
            assert_eq!(described(&to, true), expected);
            assert_eq!(summary.files + summary.links + summary.folders, expected.len() as u64);
            for path in expected.keys() {
                let inode = |root: &Path| fs::symlink_metadata(root.join(path)).unwrap();
                let (ours, theirs) = (inode(&to), inode(&pod.data()));
                assert!(!ours.is_file() || ours.ino() == theirs.ino(), "{}", path.display());
            }
            // The folders are new ones.
            fs::create_dir(to.join("left by an earlier attempt")).unwrap();
            fs::write(to.join("left by an earlier attempt/file"), "old").unwrap();
        }
    }
}

#[test]
fn one_file_is_linked_through_links_and_copied_where_it_cannot_be() {
    let pod = Pod::new();
    let file = pod.data().join("file");
    fs::write(&file, "text").unwrap();
    symlink("file", pod.data().join("latest")).unwrap();
    let to = pod.folder.path().join("staged/output");
    fs::create_dir_all(to.join("a folder")).unwrap();
    let summary = link_tree(&pod.data().join("latest"), &to).unwrap();
    assert_eq!((summary.files, summary.bytes), (1, 4));
    assert_eq!(fs::metadata(&to).unwrap().ino(), fs::metadata(&file).unwrap().ino());

    let other = tempfile::tempdir_in("/dev/shm").unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    assert_ne!(device(other.path()), device(&file), "/dev/shm is a file system of its own");
    for from in [&file, &pod.data()] {
        let to = other.path().join("staged");
        link_tree(from, &to).unwrap();
        let copied = if from.is_dir() { to.join("file") } else { to };
        assert_eq!(fs::read_to_string(&copied).unwrap(), "text");
        assert_eq!(
            fs::metadata(&copied).unwrap().modified().unwrap(),
            fs::metadata(&file).unwrap().modified().unwrap()
        );
    }
    let error = link_tree(&pod.data().join("none"), &to).unwrap_err().to_string();
    assert!(error.contains("/data/none: "), "{error}");
}
