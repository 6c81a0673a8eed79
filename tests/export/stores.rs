//! The same tree in each kind of store, and what a second export changes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use futures_util::TryStreamExt as _;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::{Value, json};

use super::{Data, bytes, export, export_all, is_whole, stored, succeeds};
use crate::proxy::{Fate, Proxy};
use crate::servers::{AzureServer, S3Server};

/// Names that somebody on the way may take for something else.
const ODD: [&str; 9] = [
    "a b#c%20d?e.txt",
    "é😀.txt",
    "{{x}}",
    "...",
    "-",
    "a&b=c+d;e,f",
    "quote'\"",
    "model.manifest.json",
    "star*[x]|~^`",
];

fn a_tree() -> Data {
    let data = a_tree_of_small_files();
    data.write("large", &bytes(20 * 1024 * 1024 + 1));
    data
}

fn a_tree_of_small_files() -> Data {
    let data = Data::new().with(&[
        ("empty", b""),
        ("small.csv", b"a,b\n1,2\n"),
        ("part=1/0.parquet", b"PAR1"),
        // As large as what goes in one piece.
        ("medium", &bytes(8 * 1024 * 1024)),
    ]);
    for name in ODD {
        data.write(&format!("odd/{name}"), name.as_bytes());
    }
    data.write("../elsewhere/linked", b"from elsewhere");
    symlink("small.csv", data.path().join("a-link")).unwrap();
    symlink("../elsewhere", data.path().join("a-folder")).unwrap();
    fs::create_dir_all(data.path().join("hollow/inner")).unwrap();
    data
}

/// All files of the tree, by the paths that a program sees.
fn seen(data: &Data) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(data.path())
        .follow_links(true)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(data.path()).unwrap().to_str().unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn is_the_tree(data: &Data, objects: &BTreeMap<String, Vec<u8>>, prefix: &str) {
    let manifest = is_whole(objects, prefix, "model");
    assert_eq!(manifest["empty_folders"], json!(["hollow/inner"]));
    assert_eq!(manifest["kind"], "folder");
    let by_path: BTreeMap<String, Vec<u8>> = manifest["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let key = format!("{prefix}run-1/model/{}", file["key"].as_str().unwrap());
            (file["path"].as_str().unwrap().to_owned(), objects[&key].clone())
        })
        .collect();
    assert!(by_path == seen(data), "{:?}", by_path.keys());
    let bytes: u64 = seen(data).values().map(|contents| contents.len() as u64).sum();
    assert_eq!(manifest["bytes"], bytes);
}

/// All objects of a store, as its own client reads them.
fn read(store: &dyn ObjectStore) -> BTreeMap<String, Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let found: Vec<_> = store.list(None).try_collect().await.unwrap();
        let mut objects = BTreeMap::new();
        for object in found {
            let contents = store.get(&object.location).await.unwrap().bytes().await.unwrap();
            objects.insert(object.location.to_string(), contents.to_vec());
        }
        objects
    })
}

pub fn s3_options(address: &str) -> Value {
    json!({"endpoint": format!("http://{address}"), "allow_http": "true", "region": "us-east-1"})
}

/// Google's XML API is that of S3, but for who asks. (The servers that play
/// Google's know the JSON API alone, which `object_store` does not speak.) Nobody may begin
/// an upload in parts there, so all is small.
#[test]
fn a_tree_in_googles_store() {
    let (server, data) = (S3Server::start(), a_tree_of_small_files());
    server.open_to_all();
    let proxy = Proxy::start(server.address(), |_, _| Fate::Passes);
    let key = json!({
        "gcs_base_url": format!("http://{}", proxy.address), "disable_oauth": true,
        "client_email": "", "private_key": "", "private_key_id": "",
    });
    let mut command = export(&data, "gs://bucket/p", &json!({}));
    command.env("GOOGLE_SERVICE_ACCOUNT_KEY", key.to_string());
    succeeds(command);
    is_the_tree(&data, &stored(&server.bucket()), "p/");
}

/// For the clients of the tests themselves.
fn install_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[test]
fn a_tree_in_s3() {
    let (server, data) = (S3Server::start(), a_tree());
    let mut command = export(&data, "s3://bucket/some/prefix", &s3_options(server.address()));
    command.envs(S3Server::keys());
    let output = succeeds(command);
    let said = crate::support::stderr(&output);
    assert!(said.contains("in s3://bucket/some/prefix/run-1"), "{said}");
    is_the_tree(&data, &stored(&server.bucket()), "some/prefix/");
}

/// All objects of the container.
pub fn azures(server: &AzureServer) -> BTreeMap<String, Vec<u8>> {
    let [(_, account), (_, key)] = server.keys();
    install_cryptography();
    let store = MicrosoftAzureBuilder::new()
        .with_container_name("bucket")
        .with_account(account)
        .with_access_key(key)
        .with_endpoint(server.endpoint())
        .with_allow_http(true)
        .build()
        .unwrap();
    read(&store)
}

#[test]
fn a_tree_in_azures_store() {
    let (server, data) = (AzureServer::start(), a_tree());
    let options = json!({"endpoint": server.endpoint(), "allow_http": "true"});
    for url in ["az://bucket/p", "abfs://bucket/q/"] {
        let mut command = export(&data, url, &options);
        command.envs(server.keys());
        succeeds(command);
    }
    let objects = azures(&server);
    is_the_tree(&data, &objects, "p/");
    is_the_tree(&data, &objects, "q/");
}

#[test]
fn a_tree_in_a_folder() {
    let data = a_tree();
    let url = format!("file://{}/run%20s", data.store().display());
    succeeds(export(&data, &url, &json!({})));
    is_the_tree(&data, &stored(&data.store()), "run s/");
}

#[test]
fn what_a_killed_export_has_not_finished_goes() {
    let data = Data::new().with(&[("a", b"1")]);
    let url = format!("file://{}", data.store().display());
    for name in ["run-1/model/a#1", "run-1/model/b/c#2"] {
        data.write(&format!("../store/{name}"), b"half");
    }
    // Not ours.
    data.write("../store/run-1/other/a#1", b"half");
    succeeds(export(&data, &url, &json!({})));
    let objects = stored(&data.store());
    let keys: Vec<&str> = objects.keys().map(String::as_str).collect();
    assert_eq!(keys, ["run-1/model.manifest.json", "run-1/model/a", "run-1/other/a#1"]);
}

#[test]
fn a_single_file_stands_under_its_name() {
    let data = Data::new().with(&[("model.pickle", b"weights")]);
    let url = format!("file://{}", data.store().display());
    succeeds(export_all(&data, &url, &json!({}), &[("model", "data/model.pickle")]));
    let objects = stored(&data.store());
    assert_eq!(objects["run-1/model/model.pickle"], b"weights");
    assert_eq!(is_whole(&objects, "", "model")["kind"], "file");
}

#[test]
fn a_second_export_replaces_its_own_and_nothing_else() {
    let (server, data) = (S3Server::start(), Data::new().with(&[("a", b"1"), ("b/c", b"2")]));
    let put = |outputs: &[(&str, &str)]| {
        let options = s3_options(server.address());
        let mut command = export_all(&data, "s3://bucket", &options, outputs);
        command.envs(S3Server::keys());
        succeeds(command);
    };
    put(&[("model", "data"), ("model.b", "data"), ("mode", "data/a")]);
    // Another run, and what is none of ours.
    for name in ["run-2/model/a", "run-1/model-2/x", "run-1/other"] {
        let file = server.bucket().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, name).unwrap();
    }
    let before = stored(&server.bucket());

    fs::remove_dir_all(data.path().join("b")).unwrap();
    data.write("d", b"3");
    put(&[("model", "data")]);
    let mut after = stored(&server.bucket());
    is_whole(&after, "", "model");
    assert_eq!(after["run-1/model/d"], b"3");
    assert!(!after.contains_key("run-1/model/b/c"));
    let own = |key: &String| {
        !key.starts_with("run-1/model/") && key.as_str() != "run-1/model.manifest.json"
    };
    let mut before = before;
    before.retain(|key, _| own(key));
    after.retain(|key, _| own(key));
    assert_eq!(after, before);
}

#[test]
fn the_id_of_another_run_can_be_taken_on() {
    use base64::Engine as _;
    let data = Data::new().with(&[("a", b"1")]);
    let url = format!("file://{}", data.store().display());
    let mut command = export(&data, &url, &json!({}));
    let parameters = json!([{"name": "kubedro-run-id", "value": "older"}]).to_string();
    let encoded = base64::engine::general_purpose::STANDARD.encode(parameters);
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut again = crate::support::kubedro(&[]);
    again.args(&arguments[..arguments.len() - 1]).arg(encoded).current_dir(data.0.path());
    command = again;
    succeeds(command);
    assert!(stored(&data.store()).contains_key("older/model/a"));
}
