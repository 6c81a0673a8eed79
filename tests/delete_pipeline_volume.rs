//! `kubedro delete-pipeline-volume`, in front of a server of the test's own
//! that stands in for a cluster's API server: it has TLS with its own authority,
//! and answers as Kubernetes documents it. No real cluster takes part.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::server::{Answer, Server, answer};
use crate::support::{kubedro, stderr};

fn service_account(authority: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file("ca.crt", authority);
    file("token", "the-token\n");
    file("namespace", "team-a");
    folder
}

fn delete(account: &Path, port: u16, claim: &str) -> Output {
    kubedro(&["delete-pipeline-volume", claim])
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", port.to_string())
        .env("KUBEDRO_SERVICE_ACCOUNT", account)
        .env_remove("HTTPS_PROXY")
        .env_remove("https_proxy")
        .output()
        .unwrap()
}

fn answered(answers: Answer) -> (Output, Vec<crate::server::Received>) {
    let (server, authority) = Server::with_tls(vec![answers]);
    let account = service_account(&authority);
    let output = delete(account.path(), server.port, "my-pipeline-data-volume");
    (output, server.received())
}

#[test]
fn deletes_the_claim_in_its_own_namespace() {
    let (output, received) = answered(answer(200, "{}"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "Volume removed: my-pipeline-data-volume\n");
    assert_eq!(
        received[0].line,
        "DELETE /api/v1/namespaces/team-a/persistentvolumeclaims/my-pipeline-data-volume HTTP/1.1"
    );
    assert!(received[0].headers.contains("authorization: Bearer the-token\n"));
    // Gone already is what was wanted.
    let (output, _) = answered(answer(404, "{}"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "Volume removed before: my-pipeline-data-volume\n");
}

#[test]
fn refusals_say_what_to_do() {
    for (status, body, said) in [
        (
            403,
            "{}",
            "kubectl create role delete-volumes --verb=delete --resource=persistentvolumeclaims -n team-a",
        ),
        (401, "{}", "does not take the pod's token (401 Unauthorized)"),
        (
            500,
            r#"{"kind":"Status","message":"etcd is away"}"#,
            "answered 500 Internal Server Error: etcd is away",
        ),
    ] {
        let (output, _) = answered(answer(status, body));
        assert_eq!(output.status.code(), Some(41), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert!(!stderr(&output).contains("the-token"), "{}", stderr(&output));
    }
}

#[test]
fn only_the_clusters_own_authority_is_trusted() {
    let (server, _) = Server::with_tls(vec![answer(200, "{}")]);
    let (_, another) = Server::with_tls(vec![answer(200, "{}")]);
    let account = service_account(&another);
    let output = delete(account.path(), server.port, "x");
    assert_eq!(output.status.code(), Some(41));
    assert!(stderr(&output).contains("certificate"), "{}", stderr(&output));
    assert!(server.received().is_empty());
}

#[test]
fn outside_of_a_cluster_it_says_so() {
    let output = kubedro(&["delete-pipeline-volume", "x"])
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(41));
    let text = stderr(&output);
    assert!(text.contains("this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not"), "{text}");
    let output = delete(Path::new("/no/such/folder"), 1, "x");
    assert!(stderr(&output).contains("/no/such/folder/token: "), "{}", stderr(&output));
    for name in ["", "../pods/x", "A_b"] {
        let output = delete(Path::new("/no/such/folder"), 1, name);
        assert!(stderr(&output).contains("cannot be the name of a claim"), "{}", stderr(&output));
    }
}

#[test]
fn it_is_not_in_the_help() {
    let output = kubedro(&["--help"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("delete-pipeline-volume"));
}
