//! A store that fails, stalls, cuts, damages and refuses; and an upload that is
//! killed, or told to end.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::stores::{azures, s3_options};
use super::{Data, bytes, export, fails, is_whole, stored, succeeds};
use crate::proxy::{Asked, Fate, Proxy};
use crate::server::{Server, answer};
use crate::servers::{AzureServer, S3Server};

/// Three parts of one file, and small ones.
fn a_tree() -> Data {
    let data = Data::new().with(&[("large", &bytes(20 * 1024 * 1024)), ("empty", b"")]);
    for number in 0..20 {
        data.write(&format!("small/{number}"), &bytes(number * 1000));
    }
    data
}

/// Options with which a test need not wait for long.
fn impatient(address: &str) -> Value {
    let mut options = s3_options(address);
    if address.starts_with("https://") {
        options["endpoint"] = json!(address);
    }
    options["max_retries"] = json!("2");
    options["timeout"] = json!("1s");
    options
}

fn to_s3(data: &Data, options: &Value) -> Command {
    let mut command = export(data, "s3://bucket", options);
    command.envs(S3Server::keys());
    command
}

/// What an upload says, and what is stored, where some requests have this fate.
fn with_fate(
    fate: impl Fn(&Asked, usize) -> Fate + Send + Sync + 'static,
    options: fn(&str) -> Value,
    run: impl Fn(Command) -> String,
) -> (String, BTreeMap<String, Vec<u8>>, Vec<Asked>) {
    let (server, data) = (S3Server::start(), a_tree());
    let proxy = Proxy::start(server.address(), fate);
    let said = run(to_s3(&data, &options(&proxy.address)));
    assert_eq!(begun(&server), Vec::<String>::new());
    (said, stored(&server.bucket()), proxy.asked())
}

fn all_is_well(command: Command) -> String {
    crate::support::stderr(&succeeds(command))
}

/// Uploads in parts that were neither completed nor given up.
fn begun(server: &S3Server) -> Vec<String> {
    let folder = server.bucket().join(".sgwtmp/multipart");
    if !folder.is_dir() {
        return Vec::new();
    }
    crate::support::files(&folder).into_keys().collect()
}

fn is_data(asked: &Asked) -> bool {
    asked.method == "PUT" && !asked.target.contains(".manifest.json")
}

#[test]
fn what_fails_sometimes_is_tried_again() {
    let fate = |asked: &Asked, before: usize| {
        if before % 5 != 4 || asked.target.contains("uploadId") && asked.method == "POST" {
            Fate::Passes
        } else if before.is_multiple_of(2) {
            Fate::Answered("503 Slow Down", "<Error><Code>SlowDown</Code></Error>")
        } else {
            Fate::Answered("500 Internal Server Error", "")
        }
    };
    let (_, objects, asked) = with_fate(fate, s3_options, all_is_well);
    is_whole(&objects, "", "model");
    assert!(asked.len() > 30, "{asked:?}");
}

#[test]
fn a_connection_that_is_cut_is_made_again() {
    let fate = |asked: &Asked, before: usize| {
        if is_data(asked) && before % 4 == 3 { Fate::Cut } else { Fate::Passes }
    };
    let (_, objects, _) = with_fate(fate, s3_options, all_is_well);
    is_whole(&objects, "", "model");
}

#[test]
fn what_always_fails_is_an_error() {
    let fate = |asked: &Asked, _: usize| {
        if is_data(asked) {
            Fate::Answered("503 Slow Down", "<Error><Code>SlowDown</Code></Error>")
        } else {
            Fate::Passes
        }
    };
    let (said, objects, _) = with_fate(fate, impatient, fails);
    assert!(said.contains("503 Service Unavailable (SlowDown)"), "{said}");
    assert!(objects.is_empty(), "{:?}", objects.keys());
}

#[test]
fn what_is_always_cut_is_an_error() {
    let fate = |asked: &Asked, _: usize| if is_data(asked) { Fate::Cut } else { Fate::Passes };
    let (said, objects, _) = with_fate(fate, impatient, fails);
    assert!(said.contains("cannot store run-1/model/"), "{said}");
    assert!(!objects.contains_key("run-1/model.manifest.json"));
}

#[test]
fn a_store_that_only_says_that_it_has_something_is_not_believed() {
    let fate = |asked: &Asked, _: usize| {
        let lost = asked.method == "PUT" && asked.target.ends_with("small/7");
        if lost { Fate::Answered("200 OK\r\nETag: \"7\"", "") } else { Fate::Passes }
    };
    let (said, objects, _) = with_fate(fate, impatient, fails);
    assert!(said.contains("run-1/model/small/7 in s3://bucket is not what was stored"), "{said}");
    assert!(!objects.contains_key("run-1/model.manifest.json"));
}

#[test]
fn a_store_that_stalls_is_an_error() {
    let fate = |asked: &Asked, _: usize| {
        if asked.target.contains("partNumber=2") { Fate::Stalls } else { Fate::Passes }
    };
    let (said, objects, asked) = with_fate(fate, impatient, fails);
    assert!(said.contains("model/large in s3://bucket: no answer in time"), "{said}");
    assert!(!objects.contains_key("run-1/model.manifest.json"));
    // Three tries.
    let tries = asked.iter().filter(|asked| asked.target.contains("partNumber=2")).count();
    assert_eq!(tries, 3);
}

#[test]
fn who_is_refused_hears_it_at_once_and_without_secrets() {
    let body = "<Error><Code>AccessDenied</Code><Message>Not yours.</Message><Signed>hidden</Signed></Error>";
    let fate = move |asked: &Asked, _: usize| {
        if is_data(asked) { Fate::Answered("403 Forbidden", body) } else { Fate::Passes }
    };
    let (said, _, asked) = with_fate(fate, impatient, fails);
    assert!(said.contains("403 Forbidden (AccessDenied: Not yours.)"), "{said}");
    let [_, (_, secret)] = S3Server::keys();
    for hidden in ["hidden", "Signature", secret] {
        assert!(!said.contains(hidden), "{said}");
    }
    let mut targets: Vec<&str> =
        asked.iter().filter(|asked| is_data(asked)).map(|asked| asked.target.as_str()).collect();
    let all = targets.len();
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets.len(), all, "one try each");
}

#[test]
fn wrong_keys_are_told_without_them() {
    let (server, data) = (S3Server::start(), a_tree());
    let mut command = export(&data, "s3://bucket", &impatient(server.address()));
    command.envs([("AWS_ACCESS_KEY_ID", "me"), ("AWS_SECRET_ACCESS_KEY", "hidden-secret")]);
    command.arg("--verbose");
    let said = fails(command);
    assert!(said.contains("No user exists with the provided access key ID"), "{said}");
    assert!(!said.contains("hidden-secret"), "{said}");
}

#[test]
fn a_server_is_trusted_as_ssl_cert_file_says() {
    let (server, authority) = Server::with_tls(vec![answer(403, "")]);
    let data = Data::new().with(&[("a", b"1")]);
    data.write("../authority.pem", authority.as_bytes());
    let options = impatient(&format!("https://localhost:{}", server.port));
    let said = |certificates: Option<&str>| {
        let mut command = to_s3(&data, &options);
        if let Some(file) = certificates {
            command.env("SSL_CERT_FILE", data.path().join(file));
        }
        fails(command)
    };
    let trusted = said(Some("../authority.pem"));
    assert!(trusted.contains("403 Forbidden"), "{trusted}");
    // Without it, those in the binary.
    let strange = said(None);
    assert!(strange.contains("invalid peer certificate: UnknownIssuer"), "{strange}");
    let absent = said(Some("no-such.pem"));
    assert!(absent.contains("cannot read the certificates in"), "{absent}");
}

#[test]
fn nobody_answers() {
    let data = a_tree();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = fails(to_s3(&data, &impatient(&free.to_string())));
    assert!(said.contains("Connection refused"), "{said}");
}

#[test]
fn bytes_that_arrive_as_others_are_noticed_by_s3() {
    let fate = |asked: &Asked, _: usize| {
        if asked.target.contains("partNumber=1") { Fate::Damaged } else { Fate::Passes }
    };
    let (said, objects, _) = with_fate(fate, impatient, fails);
    assert!(said.contains("model/large in s3://bucket: 400 Bad Request"), "{said}");
    assert!(!objects.contains_key("run-1/model.manifest.json"));
}

#[test]
fn bytes_that_arrive_as_others_are_sent_again_to_azure() {
    let (server, data) = (AzureServer::start(), a_tree());
    let damaged = Mutex::new(BTreeSet::new());
    let proxy = Proxy::start(server.address(), move |asked, _| {
        // Every object once. Of blocks this server does not tell the sum, which
        // Azure's own does.
        let is_whole = is_data(asked) && !asked.target.contains("comp=");
        let first = is_whole && damaged.lock().unwrap().insert(asked.target.clone());
        if first { Fate::Damaged } else { Fate::Passes }
    });
    let endpoint = server.endpoint().replace(server.address(), &proxy.address);
    let options = json!({"endpoint": endpoint, "allow_http": "true"});
    let mut command = export(&data, "az://bucket", &options);
    command.envs(server.keys());
    succeeds(command);
    is_whole(&azures(&server), "", "model");
    let sent = proxy.asked().iter().filter(|asked| is_data(asked)).count();
    // Files with something in them twice; the empty ones, blocks and their list once.
    assert_eq!(sent, 2 * 19 + 2 + 3 + 1, "{:?}", proxy.asked());
}

#[test]
fn a_failed_second_try_leaves_no_manifest_of_the_first() {
    let (server, data) = (S3Server::start(), a_tree());
    succeeds(to_s3(&data, &s3_options(server.address())));
    is_whole(&stored(&server.bucket()), "", "model");
    let proxy = Proxy::start(server.address(), |asked, _| {
        if is_data(asked) { Fate::Answered("500 No", "") } else { Fate::Passes }
    });
    fails(to_s3(&data, &impatient(&proxy.address)));
    assert!(!stored(&server.bucket()).contains_key("run-1/model.manifest.json"));
}

#[test]
fn told_to_end_it_gives_up_what_it_has_begun() {
    let (server, data) = (S3Server::start(), a_tree());
    let is_part = |asked: &Asked| asked.target.contains("partNumber=2");
    let proxy =
        Proxy::start(
            server.address(),
            move |asked, _| {
                if is_part(asked) { Fate::Stalls } else { Fate::Passes }
            },
        );
    let mut command = to_s3(&data, &s3_options(&proxy.address));
    command.stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    proxy.wait_for(is_part);
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = crate::support::stderr(&output);
    assert_eq!(output.status.code(), Some(143), "{said}");
    assert!(said.contains("this process was told to end"), "{said}");
    assert!(proxy.asked().iter().any(|asked| asked.method == "DELETE"), "{:?}", proxy.asked());
    assert_eq!(begun(&server), Vec::<String>::new());
    assert!(!stored(&server.bucket()).contains_key("run-1/model.manifest.json"));
}

/// Kills at random moments, then lets it run to its end: as if nothing had been.
#[test]
fn killed_at_any_time_the_next_try_ends_the_same() {
    let seed = std::env::var("KUBEDRO_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| u64::from(std::process::id()));
    let rounds = std::env::var("KUBEDRO_TEST_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(6);
    eprintln!("KUBEDRO_TEST_SEED={seed}");
    let data = a_tree();
    let server = S3Server::start();
    let folder = |name: &str| format!("file://{}/{name}", data.store().display());
    let to_folder = |name: &str| export(&data, &folder(name), &json!({}));
    let (begin, clean) = (Instant::now(), to_s3(&data, &s3_options(server.address())));
    succeeds(clean);
    let whole = begin.elapsed();
    let expected = stored(&server.bucket());
    succeeds(to_folder("clean"));
    assert_eq!(stored(&data.store().join("clean")), expected);

    let mut state = seed;
    for round in 0..rounds {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = u32::try_from(state >> 48).unwrap();
        for s3 in [true, false] {
            let make = || {
                if s3 { to_s3(&data, &s3_options(server.address())) } else { to_folder("killed") }
            };
            let mut child = make().stderr(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(whole * part / 65536);
            let _ = child.kill();
            child.wait().unwrap();
            let place = if s3 { server.bucket() } else { data.store().join("killed") };
            // At no time is there a manifest of what is not there.
            let left = stored(&place);
            if left.contains_key("run-1/model.manifest.json") {
                is_whole(&left, "", "model");
            }
            succeeds(make());
            assert!(stored(&place) == expected, "round {round}, seed {seed}, s3: {s3}");
        }
    }
}

/// Before a store that takes nothing for a while, a large file takes no more memory
/// than a few of its parts.
#[test]
fn a_large_file_takes_little_memory() {
    let (server, data) = (S3Server::start(), Data::new().with(&[("small", b"1")]));
    let size = 400 * 1024 * 1024;
    std::fs::File::create(data.path().join("large")).unwrap().set_len(size).unwrap();
    let is_part = |asked: &Asked| asked.target.contains("partNumber=");
    let proxy =
        Proxy::start(
            server.address(),
            move |asked, _| {
                if is_part(asked) { Fate::Waits } else { Fate::Passes }
            },
        );
    let mut child = to_s3(&data, &s3_options(&proxy.address)).spawn().unwrap();
    proxy.wait_for(is_part);
    let parts = || proxy.asked().iter().filter(|asked| is_part(asked)).count();
    // Until no more come.
    let (mut waiting, mut since) = (parts(), Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(20));
        if parts() != waiting {
            (waiting, since) = (parts(), Instant::now());
        }
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    proxy.release();
    assert!(child.wait().unwrap().success());
    assert_eq!(waiting, 8);
    assert!(kibibytes < 160 * 1024, "{kibibytes} KiB");
}
