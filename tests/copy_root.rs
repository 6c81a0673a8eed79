//! Copies on real file systems, where only root can make them: ext4, XFS and btrfs
//! on loop devices, an overlay as an image has it, one that is full, and another
//! user; `scripts/test-root` runs these.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::identity::deaths::Random;
use crate::support::stderr;
use crate::trees::{described, fill, unfinished};

/// Mounts that go with the test.
struct Mounts {
    folder: TempDir,
    mounted: Vec<PathBuf>,
}

impl Mounts {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), mounted: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mount(&mut self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        succeed(Command::new("mount").args(arguments).arg(&path));
        self.mounted.push(path.clone());
        path
    }

    /// A new file system of this kind and size (MiB) in a file.
    fn file_system(&mut self, kind: &str, size: u64) -> PathBuf {
        let device = self.path(&format!("{kind}.device"));
        fs::File::create(&device).unwrap().set_len(size << 20).unwrap();
        let force = if kind == "ext4" { "-F" } else { "-f" };
        succeed(Command::new(format!("mkfs.{kind}")).args(["-q", force]).arg(&device));
        self.mount(kind, &["-o", "loop", device.to_str().unwrap()])
    }

    /// What lies in a lower folder, as the files of an image do.
    fn overlay(&mut self, lower: &Path) -> PathBuf {
        let [upper, scratch] = ["upper", "scratch"].map(|name| self.path(name));
        fs::create_dir_all(&upper).unwrap();
        fs::create_dir_all(&scratch).unwrap();
        let layers = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            upper.display(),
            scratch.display()
        );
        self.mount("data", &["-t", "overlay", "overlay", "-o", &layers])
    }

    fn fill_volume(&self, to: &str, owner: u32) -> Output {
        let spec = format!(r#"{{"from":"data","to":"{to}/volume","owner":{owner}}}"#);
        self.step(&spec).output().unwrap()
    }

    fn step(&self, spec: &str) -> Command {
        let mut command = crate::support::kubedro(&["step", "volume-init", spec]);
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        for path in self.mounted.iter().rev() {
            let _ = Command::new("umount").arg(path).status();
        }
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
}

#[test]
#[ignore = "needs root"]
fn root_mount_an_image_arrives_on_each_file_system() {
    let mut random = Random::new("root_mount_an_image_arrives_on_each_file_system");
    let mut mounts = Mounts::new();
    let image = mounts.path("image");
    fill(&image, &mut random, 300);
    let data = mounts.overlay(&image);
    let mut expected = described(&data, false);
    for what in expected.values_mut() {
        *what = what.replace(", owner 0", ", owner 4321");
    }
    for (kind, size) in [("ext4", 256), ("xfs", 320), ("btrfs", 256)] {
        let target = mounts.file_system(kind, size).join("volume");
        fs::create_dir(&target).unwrap();
        // The second time everything is there.
        for number in 0..2 {
            let output = mounts.fill_volume(kind, 4321);
            assert_eq!(output.status.code(), Some(0), "{kind}: {}", stderr(&output));
            let kept = stderr(&output).contains("were there already");
            assert_eq!(kept, number == 1, "{kind}: {}", stderr(&output));
            assert_eq!(described(&target, true), expected, "{kind}");
            assert_eq!(fs::metadata(&target).unwrap().uid(), 4321);
        }
    }
}

#[test]
#[ignore = "needs root"]
fn root_mount_a_full_volume_is_told_and_nothing_is_torn() {
    for kind in ["ext4", "xfs"] {
        let mut mounts = Mounts::new();
        let data = mounts.path("data");
        fs::create_dir(&data).unwrap();
        for number in 0..40 {
            let contents: Vec<u8> = vec![u8::try_from(number).unwrap() + 1; 10 << 20];
            fs::write(data.join(format!("file-{number:02}")), contents).unwrap();
        }
        let size = if kind == "xfs" { 320 } else { 100 };
        let target = mounts.file_system(kind, size).join("volume");
        fs::create_dir(&target).unwrap();
        let output = mounts.fill_volume(kind, 0);
        assert_eq!(output.status.code(), Some(37), "{kind}: {}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains("No space left on device"), "{kind}: {text}");
        assert!(text.contains("volume/file-") && text.contains("make the volume larger"), "{text}");
        assert_eq!(unfinished(&target), [] as [PathBuf; 0], "{kind}");
        for entry in fs::read_dir(&target).unwrap() {
            let entry = entry.unwrap();
            let original = data.join(entry.file_name());
            assert!(fs::read(entry.path()).unwrap() == fs::read(original).unwrap(), "{entry:?}");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn root_mount_a_device_that_fails_is_told() {
    // A device whose file is cut off behind the metadata: what lies there cannot be
    // read any more.
    let mut mounts = Mounts::new();
    let device = mounts.path("ext4.device");
    let image = mounts.file_system("ext4", 64);
    fs::create_dir(image.join("data")).unwrap();
    for number in 0..20 {
        fs::write(image.join(format!("data/file-{number:02}")), vec![1; 2 << 20]).unwrap();
    }
    succeed(Command::new("umount").arg(&image));
    mounts.mounted.pop();
    fs::File::options().write(true).open(&device).unwrap().set_len(30 << 20).unwrap();
    let mounted = Command::new("mount")
        .args(["-o", "loop,ro,noload"])
        .arg(&device)
        .arg(&image)
        .output()
        .unwrap();
    if !mounted.status.success() {
        // Kernels that look at the size first leave nothing to be read.
        assert!(stderr(&mounted).contains("bad superblock"), "{}", stderr(&mounted));
        return;
    }
    mounts.mounted.push(image);
    fs::create_dir(mounts.path("volume")).unwrap();
    let output = mounts.step(r#"{"from":"ext4/data","to":"volume"}"#).output().unwrap();
    assert_eq!(output.status.code(), Some(37), "{}", stderr(&output));
    assert!(stderr(&output).contains("ext4/data/file-"), "{}", stderr(&output));
    assert_eq!(unfinished(&mounts.path("volume")), [] as [PathBuf; 0]);
}

#[test]
#[ignore = "needs root"]
fn root_user_another_one_is_told_what_to_do() {
    let mounts = Mounts::new();
    fs::set_permissions(mounts.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let [data, volume] = ["data", "volume"].map(|name| mounts.path(name));
    fs::create_dir(&data).unwrap();
    fs::write(data.join("open"), "text").unwrap();
    fs::create_dir(&volume).unwrap();
    // As the kubelet leaves a volume with fsGroup: root's, and the group's to write.
    std::os::unix::fs::chown(&volume, Some(0), Some(4321)).unwrap();
    fs::set_permissions(&volume, Permissions::from_mode(0o2775)).unwrap();
    let program = mounts.path("kubedro");
    fs::copy(env!("CARGO_BIN_EXE_kubedro"), &program).unwrap();
    let as_user = |owner: u32| {
        Command::new("setpriv")
            .args(["--reuid=4321", "--regid=4321", "--clear-groups"])
            .arg(&program)
            .args(["step", "volume-init"])
            .arg(format!(r#"{{"from":"data","to":"volume","owner":{owner}}}"#))
            .current_dir(mounts.folder.path())
            .output()
            .unwrap()
    };
    // Files of its own need no change of owner.
    for _ in 0..2 {
        let output = as_user(4321);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(fs::metadata(volume.join("open")).unwrap().uid(), 4321);
    }
    let output = as_user(1);
    assert_eq!(output.status.code(), Some(37), "{}", stderr(&output));
    assert!(stderr(&output).contains("init_as_root"), "{}", stderr(&output));
    fs::write(data.join("private"), "text").unwrap();
    fs::set_permissions(data.join("private"), Permissions::from_mode(0o600)).unwrap();
    let output = as_user(4321);
    assert_eq!(output.status.code(), Some(37), "{}", stderr(&output));
    assert!(stderr(&output).contains("data/private: Permission denied"), "{}", stderr(&output));
    assert!(!volume.join("private").exists());
}
