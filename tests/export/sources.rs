//! What cannot be stored completely is an error with its name, and nothing of it
//! looks complete.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use serde_json::json;

use super::stores::s3_options;
use super::{Data, bytes, export, export_all, fails, stored};
use crate::proxy::{Fate, Proxy};
use crate::servers::S3Server;

/// Root reads everything; without these capabilities it does not.
fn as_an_ordinary_user(command: &Command) -> Command {
    let mut weaker = Command::new("setpriv");
    if nix::unistd::geteuid().is_root() {
        let less = "-dac_override,-dac_read_search";
        weaker.arg(format!("--bounding-set={less}")).arg(format!("--inh-caps={less}"));
    }
    weaker.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => weaker.env(name, value),
            None => weaker.env_remove(name),
        };
    }
    weaker.current_dir(command.get_current_dir().unwrap());
    weaker
}

/// Exports a tree with something in it that has to be refused.
fn refused(spoil: impl Fn(&Data)) -> String {
    let data = Data::new().with(&[("a", b"1"), ("b/c", b"2")]);
    spoil(&data);
    let url = format!("file://{}", data.store().display());
    let said = fails(as_an_ordinary_user(&export(&data, &url, &json!({}))));
    assert!(stored(&data.store()).is_empty());
    let told = fs::read_to_string(data.0.path().join("termination")).unwrap();
    assert!(told.contains("cannot store"), "{told}");
    said
}

#[test]
fn a_dangling_link() {
    let said = refused(|data| symlink("nowhere", data.path().join("b/link")).unwrap());
    assert!(said.contains("data/b/link: the link leads to nothing"), "{said}");
}

#[test]
fn links_in_a_circle() {
    let said = refused(|data| symlink("..", data.path().join("b/up")).unwrap());
    assert!(said.contains("data/b/up: the link leads to"), "{said}");
    let said = refused(|data| symlink("self", data.path().join("self")).unwrap());
    assert!(said.contains("data/self: "), "{said}");
}

#[test]
fn a_pipe() {
    let said = refused(|data| {
        let mode = nix::sys::stat::Mode::S_IRUSR;
        nix::unistd::mkfifo(&data.path().join("pipe"), mode).unwrap();
    });
    assert!(said.contains("data/pipe: it is neither a file nor a folder"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_read() {
    let said = refused(|data| {
        fs::set_permissions(data.path().join("b"), fs::Permissions::from_mode(0o300)).unwrap();
    });
    assert!(said.contains("data/b: Permission denied"), "{said}");
}

#[test]
fn a_name_that_is_no_text() {
    let said = refused(|data| {
        fs::write(data.path().join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    });
    assert!(said.contains("its name is not UTF-8"), "{said}");
}

#[test]
fn two_of_one_name() {
    let data = Data::new().with(&[("a", b"1"), ("b", b"2")]);
    let url = format!("file://{}", data.store().display());
    let outputs = [("model", "data/a"), ("model", "data/b")];
    let said = fails(export_all(&data, &url, &json!({}), &outputs));
    assert!(said.contains("`model` is there twice"), "{said}");
    assert!(stored(&data.store()).is_empty());
}

#[test]
fn what_is_not_there() {
    let data = Data::new();
    let url = format!("file://{}", data.store().display());
    let said = fails(export_all(&data, &url, &json!({}), &[("model", "data/absent")]));
    assert!(said.contains("data/absent"), "{said}");
}

#[test]
fn a_file_that_cannot_be_read() {
    let data = Data::new().with(&[("a", b"1"), ("b/c", b"2")]);
    fs::set_permissions(data.path().join("b/c"), fs::Permissions::from_mode(0o200)).unwrap();
    let url = format!("file://{}", data.store().display());
    let said = fails(as_an_ordinary_user(&export(&data, &url, &json!({}))));
    assert!(said.contains("data/b/c: Permission denied"), "{said}");
    assert!(!stored(&data.store()).contains_key("run-1/model.manifest.json"));
}

/// Spoils the tree when a part of the large file is on its way.
fn changed(spoil: impl Fn(&Data)) -> String {
    let (server, data) = (S3Server::start(), Data::new());
    data.write("large", &bytes(9 * 1024 * 1024));
    data.write("small", b"1");
    let is_part = |asked: &crate::proxy::Asked| asked.target.contains("partNumber=");
    let fate = move |asked: &crate::proxy::Asked, _| {
        if is_part(asked) { Fate::Waits } else { Fate::Passes }
    };
    let proxy = Proxy::start(server.address(), fate);
    let mut command = export(&data, "s3://bucket", &s3_options(&proxy.address));
    command.envs(S3Server::keys());
    let said = std::thread::scope(|scope| {
        let running = scope.spawn(|| fails(command));
        proxy.wait_for(is_part);
        spoil(&data);
        proxy.release();
        running.join().unwrap()
    });
    assert!(!stored(&server.bucket()).contains_key("run-1/model.manifest.json"));
    said
}

#[test]
fn a_file_that_grows() {
    let said = changed(|data| {
        let mut file = fs::File::options().append(true).open(data.path().join("large")).unwrap();
        std::io::Write::write_all(&mut file, b"more").unwrap();
    });
    assert!(said.contains("data/large changed while it was being stored"), "{said}");
}

#[test]
fn a_file_that_is_replaced() {
    let said = changed(|data| {
        fs::write(data.path().join("../new"), "2").unwrap();
        fs::rename(data.path().join("../new"), data.path().join("small")).unwrap();
    });
    // Its folder has changed with it.
    assert!(said.contains("changed while it was being stored"), "{said}");
}

#[test]
fn a_file_that_goes() {
    let said = changed(|data| fs::remove_file(data.path().join("small")).unwrap());
    assert!(said.contains("changed while it was being stored"), "{said}");
}

#[test]
fn a_file_that_comes() {
    let said = changed(|data| data.write("late", b"1"));
    assert!(said.contains("changed while it was being stored"), "{said}");
}
