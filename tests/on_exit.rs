//! What happens at the end of a run: notifications and the on-exit pipeline,
//! each with its own result. The servers are the tests' own.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::server::{Answer, Server, answer, free_port};
use crate::support::{Kedro, NEW, Project, for_each_kedro, kubedro, stderr, stdout};

/// What Argo says of a run in which `train` has failed.
const FAILURES: &str = r#"[{"displayName":"tiny-x7k2p","message":"","templateName":"pipeline--graph","phase":"Failed"},{"displayName":"train","message":"main: Error (exit code 3)","templateName":"train","phase":"Failed"}]"#;

fn step(status: &str, spec: &Value) -> Command {
    let failures = if status == "Succeeded" { "null" } else { FAILURES };
    // Quoted, as the controller does it.
    let failures = BASE64.encode(serde_json::to_string(failures).unwrap());
    let mut whole = json!({"env": "local", "project": "Tiny", "run_pipeline": "__default__"});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let mut command = kubedro(&["step", "on-exit", &whole.to_string()]);
    command
        .args(["--run-id=0b6f7a9e", "--save-version=2026-01-31T12.00.00Z-0b6f7a9e"])
        .args(["--parameters", "W10=", "--run-name=tiny-x7k2p"])
        .args(["--started=2026-01-31T13:00:00+01:00", "--duration=83.400000"])
        .args(["--status", &BASE64.encode(status), "--failures", &failures])
        .env("KUBEDRO_GRACE_PERIOD", "4")
        .env("KUBEDRO_TERMINATION_LOG", "");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "SSL_CERT_FILE"] {
        command.env_remove(name);
    }
    command
}

fn slack(url: &str) -> Value {
    json!({"to": {"slack": {"url": {"text": url}}}, "timeout": 2000, "retries": 0})
}

fn webhook(url: &str, retries: u32) -> Value {
    json!({"to": {"webhook": {"url": {"text": url}, "method": "POST"}}, "timeout": 1000, "retries": retries})
}

/// A `kubeflow.yaml` with this list of notifications, the first of which is in
/// its line 5.
fn settings_with(notifications: &str) -> String {
    format!("run_config:\n  image: x\n  volume: {{}}\n  notifications:{notifications}")
}

fn told(status: &str, notifications: &Value) -> Output {
    step(status, &json!({"notifications": notifications})).output().unwrap()
}

#[test]
fn slack_and_a_webhook_get_their_messages() {
    let server = Server::start(vec![answer(200, "ok")]);
    let output = told("Failed", &json!([slack(&server.url("/slack"))]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "notification 1 (slack): sent\n");
    let output = told("Failed", &json!([webhook(&server.url("/hook"), 0)]));
    assert_eq!(stderr(&output), "notification 1 (webhook): sent\n");
    assert_eq!(stdout(&output), "");

    let [slack, webhook] = <[_; 2]>::try_from(server.received()).unwrap();
    assert_eq!(slack.line, "POST /slack HTTP/1.1");
    assert!(slack.headers.contains("content-type: application/json\n"), "{}", slack.headers);
    assert_eq!(
        slack.json()["text"],
        "❌ *Tiny*: the pipeline `__default__` failed after 1 min 23 s\nRun `tiny-x7k2p` (0b6f7a9e)\n• `train`: main: Error (exit code 3)"
    );
    let mut report = webhook.json();
    let finished = report["finished"].take();
    assert!(finished.as_str().unwrap().ends_with('Z'), "{finished}");
    assert_eq!(
        report,
        json!({
            "run_id": "0b6f7a9e",
            "run_name": "tiny-x7k2p",
            "project": "Tiny",
            "pipeline": "__default__",
            "status": "Failed",
            "started": "2026-01-31T12:00:00Z",
            "finished": null,
            "duration_seconds": 83.4,
            "failed_steps": ["train"],
            "failures": [{"step": "train", "message": "main: Error (exit code 3)", "exit_code": 3}],
        })
    );
}

#[test]
fn a_webhook_is_called_as_it_is_set() {
    let server = Server::start(vec![answer(204, "")]);
    let notification = json!({
        "to": {"webhook": {
            "url": {"text": server.url("/a?b=1")},
            "method": "PUT",
            "headers": {"X-Kind": {"text": "run"}, "content-type": {"text": "text/plain"}},
            "body": "{{ status }} <{{ failures[0].step|tojson }}> $(HOME) $$ {{ '{{' }}",
        }},
        "timeout": 1000,
        "retries": 0,
    });
    let output = told("Error", &json!([notification]));
    assert_eq!(stderr(&output), "notification 1 (webhook): sent\n");
    let received = &server.received()[0];
    assert_eq!(received.line, "PUT /a?b=1 HTTP/1.1");
    assert!(received.headers.contains("x-kind: run\n"), "{}", received.headers);
    assert!(received.headers.contains("content-type: text/plain\n"), "{}", received.headers);
    assert!(!received.headers.contains("json"), "{}", received.headers);
    assert!(received.headers.contains("user-agent: kubedro/"), "{}", received.headers);
    assert_eq!(received.body, "Error <\"train\"> $(HOME) $$ {{");
}

#[test]
fn only_the_ends_that_are_asked_for_are_told() {
    let server = Server::start(vec![answer(200, "ok")]);
    let mut notification = slack(&server.url("/"));
    notification["on"] = json!(["Failed", "Error"]);
    let output = told("Succeeded", &json!([notification]));
    assert_eq!(
        stderr(&output),
        "notification 1 (slack): not sent: it does not tell of such an end\n"
    );
    assert!(server.received().is_empty());
    told("Error", &json!([notification]));
    assert_eq!(server.received().len(), 1);
}

/// Each server, what is said of it, and how often it is asked.
#[test]
fn servers_that_do_not_take_it_at_once() {
    let retry_after =
        |text: &str| Answer::With(429, format!("Retry-After: {text}\r\n"), String::new());
    for (answers, said, asked) in [
        (vec![answer(500, "secret"), answer(503, ""), answer(200, "")], "sent at try 3", 3),
        (vec![retry_after("1"), answer(200, "")], "sent at try 2", 2),
        (
            vec![retry_after("3600")],
            "failed: 127.0.0.1 answered 429 Too Many Requests, and the next try could only be in 3600 s",
            1,
        ),
        // Longer than there is time.
        (
            vec![retry_after("18446744073709551615")],
            "failed: 127.0.0.1 answered 429 Too Many Requests, and the next try could only be in 18446744073709551615 s",
            1,
        ),
        (vec![answer(404, "secret")], "failed: 127.0.0.1 answered 404 Not Found", 1),
        (
            vec![answer(500, "secret")],
            "failed: 127.0.0.1 answered 500 Internal Server Error (3 tries)",
            3,
        ),
        (vec![Answer::Never, answer(200, "")], "sent at try 2", 2),
        (vec![Answer::Never], "failed: 127.0.0.1: no answer in time (3 tries)", 3),
    ] {
        let server = Server::start(answers.clone());
        let output = told("Failed", &json!([webhook(&server.url("/secret-path"), 2)]));
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        let first = text.lines().next().unwrap();
        assert_eq!(first, format!("notification 1 (webhook): {said}"), "{answers:?}");
        assert!(!text.contains("secret"), "neither URL nor answer is shown: {text}");
        assert_eq!(server.received().len(), asked, "{answers:?}");
    }
    // Nobody listens; and a name that cannot be.
    let nobody = format!("http://127.0.0.1:{}/secret-path", free_port());
    let text = stderr(&told("Failed", &json!([webhook(&nobody, 1)])));
    assert!(text.contains("failed: 127.0.0.1: ") && text.contains("refused"), "{text}");
    assert!(text.contains("(2 tries)") && !text.contains("secret"), "{text}");
}

#[test]
fn a_wait_without_end_is_a_failure_that_counts() {
    let headers = "Retry-After: 18446744073709551615\r\n".to_owned();
    let server = Server::start(vec![Answer::With(503, headers, String::new())]);
    let spec = json!({"notifications": [webhook(&server.url("/"), 2)], "required": true});
    let output = step("Failed", &spec).output().unwrap();
    assert_eq!(output.status.code(), Some(40), "{}", stderr(&output));
}

#[test]
fn slack_has_to_say_ok() {
    for (answers, said) in [
        (answer(404, "no_service"), "127.0.0.1 answered 404 Not Found (no_service)"),
        (answer(404, "<html>secret"), "127.0.0.1 answered 404 Not Found"),
        (answer(200, "<html>login"), "127.0.0.1 did not answer `ok`, as Slack does"),
        (answer(200, "invalid_token"), "127.0.0.1 answered `invalid_token`"),
    ] {
        let server = Server::start(vec![answers]);
        let text = stderr(&told("Failed", &json!([slack(&server.url("/services/secret"))])));
        let first = text.lines().next().unwrap();
        assert_eq!(first, format!("notification 1 (slack): failed: {said}"));
    }
}

#[test]
fn redirects_are_followed_within_one_server_only() {
    let to = |status: u16, place: &str| {
        Answer::With(status, format!("Location: {place}\r\n"), String::new())
    };
    let server = Server::start(vec![to(307, "/new"), answer(200, "")]);
    let text = stderr(&told("Failed", &json!([webhook(&server.url("/old"), 0)])));
    assert_eq!(text, "notification 1 (webhook): sent\n");
    let received = server.received();
    assert_eq!(received[1].line, "POST /new HTTP/1.1");
    assert_eq!(received[1].body, received[0].body);

    // What would be a GET without the message, and another server.
    let other = Server::start(vec![answer(200, "")]);
    for answer in [to(302, "/new"), to(307, &other.url("/new"))] {
        let server = Server::start(vec![answer]);
        let text = stderr(&told("Failed", &json!([webhook(&server.url("/old"), 0)])));
        assert!(text.contains("a redirect that is not followed"), "{text}");
        assert_eq!(server.received().len(), 1);
    }
    assert!(other.received().is_empty());
}

#[test]
fn secrets_come_in_variables_and_are_not_shown() {
    let server = Server::start(vec![answer(200, "ok")]);
    let variable = |name: &str| json!({"variable": {"name": name, "secret": "s", "key": "k"}});
    let notification = json!({
        "to": {"webhook": {
            "url": variable("KUBEDRO_NOTIFICATION_1_URL"),
            "method": "POST",
            "headers": {"Authorization": variable("KUBEDRO_NOTIFICATION_1_HEADER_AUTHORIZATION")},
        }},
        "timeout": 1000,
        "retries": 0,
    });
    let spec = json!({"notifications": [notification], "required": true});
    let output = step("Failed", &spec)
        // As `echo` would have put it into the secret.
        .env("KUBEDRO_NOTIFICATION_1_URL", server.url("/hunter2\n"))
        .env("KUBEDRO_NOTIFICATION_1_HEADER_AUTHORIZATION", "Bearer hunter3\n")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("hunter"), "{}", stderr(&output));
    let received = &server.received()[0];
    assert_eq!(received.line, "POST /hunter2 HTTP/1.1");
    assert!(received.headers.contains("authorization: Bearer hunter3\n"), "{}", received.headers);

    let missing = "the variable KUBEDRO_NOTIFICATION_1_HEADER_AUTHORIZATION is not set, which stands for the key `k` of the secret `s`";
    let mut without = step("Failed", &spec);
    without.env("KUBEDRO_NOTIFICATION_1_URL", server.url("/"));
    let output = without.output().unwrap();
    assert_eq!(stderr(&output), format!("notification 1 (webhook): failed: {missing}\n"));
    assert_eq!(output.status.code(), Some(40));
    // Here nobody expects the cluster's secrets.
    let output = without.env("KUBEDRO_LOCAL", "1").output().unwrap();
    assert_eq!(stderr(&output), format!("notification 1 (webhook): skipped: {missing}\n"));
    assert_eq!(output.status.code(), Some(0));
    let output = step("Failed", &spec)
        .env("KUBEDRO_NOTIFICATION_1_URL", "hunter2")
        .env("KUBEDRO_NOTIFICATION_1_HEADER_AUTHORIZATION", "x")
        .output()
        .unwrap();
    assert_eq!(
        stderr(&output),
        "notification 1 (webhook): failed: the value of KUBEDRO_NOTIFICATION_1_URL is not a URL of http or https\n"
    );
}

#[test]
fn no_part_hides_another_and_the_run_keeps_its_status() {
    let server = Server::start(vec![answer(200, "ok")]);
    let nobody = format!("http://127.0.0.1:{}/", free_port());
    let folder = tempfile::tempdir().unwrap();
    // The pipeline fails, since there is no project.
    let spec = json!({
        "pipeline": "bye",
        "notifications": [webhook(&nobody, 0), slack(&server.url("/"))],
    });
    let output = step("Succeeded", &spec).current_dir(folder.path()).output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("notification 1 (webhook): failed: 127.0.0.1: "), "{text}");
    assert!(text.contains("\nnotification 2 (slack): sent\n"), "{text}");
    assert!(text.contains("\non-exit pipeline: failed: "), "{text}");
    assert!(text.contains("the run keeps its status"), "{text}");
    assert_eq!(server.received().len(), 1);

    // The pod's own last words.
    let log = folder.path().join("message");
    let spec = json!({"notifications": [webhook(&nobody, 0), slack(&server.url("/"))]});
    for (required, code) in [(false, 0), (true, 40)] {
        let mut spec = spec.clone();
        spec["required"] = json!(required);
        let output = step("Failed", &spec).env("KUBEDRO_TERMINATION_LOG", &log).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let told: Value = serde_json::from_slice(&std::fs::read(&log).unwrap()).unwrap();
        assert_eq!(told["exit_code"], code);
        assert_eq!(told["state"], if required { "failed" } else { "succeeded" });
        assert_eq!(told["reason"], if required { "Error" } else { "Completed" });
        assert_eq!(told["parts"]["notification 2 (slack)"], "sent", "{told}");
        let message = told["message"].as_str().unwrap();
        assert!(message.starts_with("notification 1 (webhook): failed: 127.0.0.1: "), "{told}");
    }

    for (notifications, pipeline, code) in [
        (json!([webhook(&nobody, 0)]), json!(null), 40),
        (json!([webhook(&nobody, 0)]), json!("bye"), 33),
        (json!([slack(&server.url("/"))]), json!(null), 0),
    ] {
        let spec = json!({"pipeline": pipeline, "notifications": notifications, "required": true});
        let output = step("Succeeded", &spec).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    }
}

#[test]
fn https_with_an_authority_of_ones_own() {
    let (server, authority) = Server::with_tls(vec![answer(200, "ok")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority).unwrap();
    let url = format!("https://localhost:{}/secret", server.port);
    let spec = json!({"notifications": [slack(&url)]});
    let output = step("Failed", &spec).env("SSL_CERT_FILE", &file).output().unwrap();
    assert_eq!(stderr(&output), "notification 1 (slack): sent\n");
    assert_eq!(server.received()[0].line, "POST /secret HTTP/1.1");

    // The authorities of the web do not vouch for it.
    let text = stderr(&step("Failed", &spec).output().unwrap());
    assert!(text.contains("certificate") && text.contains("SSL_CERT_FILE names"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(server.received().len(), 1);

    std::fs::write(&file, "nothing").unwrap();
    let output = step("Failed", &spec).env("SSL_CERT_FILE", &file).output().unwrap();
    let said = format!("failed: cannot read the certificates in {}: ", file.display());
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
}

#[test]
fn the_environments_proxy_is_asked() {
    let proxy = Server::start(vec![answer(200, "ok")]);
    let server = Server::start(vec![answer(200, "ok")]);
    let spec = json!({"notifications": [webhook("http://example.invalid/hook", 0)]});
    let output = step("Failed", &spec).env("HTTP_PROXY", proxy.url("")).output().unwrap();
    assert_eq!(stderr(&output), "notification 1 (webhook): sent\n");
    assert_eq!(proxy.received()[0].line, "POST http://example.invalid/hook HTTP/1.1");
    let spec = json!({"notifications": [webhook(&server.url("/"), 0)]});
    let mut direct = step("Failed", &spec);
    direct.env("HTTP_PROXY", proxy.url("")).env("NO_PROXY", "127.0.0.1");
    assert_eq!(stderr(&direct.output().unwrap()), "notification 1 (webhook): sent\n");
    assert_eq!((proxy.received().len(), server.received().len()), (1, 1));
}

fn end(child: &std::process::Child) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
}

#[test]
fn told_to_end_while_it_tells() {
    let silent = Server::start(vec![Answer::Never]);
    let server = Server::start(vec![answer(200, "ok")]);
    let mut slow = webhook(&silent.url("/"), 0);
    slow["timeout"] = json!(600_000);
    let spec = json!({
        "pipeline": "bye",
        "notifications": [slow, slack(&server.url("/"))],
        "required": true,
    });
    let child = step("Failed", &spec).stderr(Stdio::piped()).spawn().unwrap();
    silent.wait_for(1);
    server.wait_for(1);
    end(&child);
    let output = child.wait_with_output().unwrap();
    let text = stderr(&output);
    assert!(text.contains("notification 1 (webhook): failed: the time was over"), "{text}");
    assert!(text.contains("notification 2 (slack): sent"), "{text}");
    assert!(text.contains("on-exit pipeline: not run: the pod was told to end"), "{text}");
    assert_eq!(output.status.code(), Some(143), "{text}");
}

const PIPELINES: &str = "
import json

def work(text):
    if os.path.exists('data/01_raw/fail'):
        sys.exit(7)
    return len(text)

def bye(status, failures):
    end = json.load(open(os.environ['KUBEDRO_STATUS_FILE']))
    print('END', json.dumps(end), status, len(json.loads(failures)), flush=True)
    if os.path.exists('data/01_raw/sleep'):
        time.sleep(600)
    if os.path.exists('data/01_raw/fail-at-the-end'):
        sys.exit(5)

def register_pipelines():
    return {
        '__default__': pipeline([node(work, 'start', 'out_a', name='work')]),
        'bye': pipeline([node(bye, ['params:status', 'params:failures'], None, name='bye')]),
    }
";

#[test]
fn told_to_end_while_the_pipeline_runs() {
    let project = Project::tiny(NEW, PIPELINES);
    project.write("data/01_raw/sleep", "");
    let log = project.scratch("message");
    let server = Server::start(vec![answer(200, "ok")]);
    let spec =
        json!({"pipeline": "bye", "notifications": [slack(&server.url("/"))], "required": true});
    let mut child = step("Failed", &spec)
        .current_dir(project.path())
        .env("KUBEDRO_TERMINATION_LOG", &log)
        .arg("--python")
        .arg(project.kedro.python())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("END ")), "the pipeline runs");
    end(&child);
    let output = child.wait_with_output().unwrap();
    let text = stderr(&output);
    assert!(text.contains("notification 1 (slack): sent"), "{text}");
    assert!(text.contains("on-exit pipeline: failed (exit code"), "{text}");
    let told: Value = serde_json::from_slice(&std::fs::read(&log).unwrap()).unwrap();
    assert_eq!(told["parts"]["notification 1 (slack)"], "sent", "{told}");
    let pipeline = told["parts"]["on-exit pipeline"].as_str().unwrap();
    assert!(pipeline.starts_with("failed (exit code"), "{told}");
    assert_ne!(output.status.code(), Some(0), "{text}");
    assert_eq!(server.received().len(), 1);
}

for_each_kedro!(a_local_run_tells_its_end);

fn a_local_run_tells_its_end(kedro: Kedro) {
    let server = Server::start(vec![answer(200, "ok")]);
    let project = Project::tiny(kedro, PIPELINES);
    let settings = format!(
        "run_config:
  image: x
  volume: {{}}
  on_exit_pipeline: bye
  notifications:
    - slack: {{url: {{secret: slack, key: url}}}}
      on: [Failed]
    - webhook: {{url: {}, headers: {{X-Token: {{secret: slack, key: token}}}}}}
",
        server.url("/hook")
    );
    project.write("conf/base/kubeflow.yaml", &settings);
    let (output, work) = project.run_local(&[]);
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("  on-exit           succeeded"), "{text}");
    assert!(
        text.contains("\n    notification 2 (webhook): skipped: the variable KUBEDRO_NOTIFICATION_2_HEADER_X_TOKEN is not set, which stands for the key `token` of the secret `slack`\n"),
        "{text}"
    );
    let log = std::fs::read_to_string(work.join("logs/on-exit.log")).unwrap();
    assert!(log.contains("on-exit pipeline: succeeded"), "{log}");
    let told: Value = {
        let line = log.lines().find(|line| line.starts_with("END ")).unwrap();
        let (json, rest) = line["END ".len()..].rsplit_once("} ").unwrap();
        assert_eq!(rest, "Succeeded 0");
        serde_json::from_str(&format!("{json}}}")).unwrap()
    };
    assert_eq!(told["project"], "Tiny");
    assert_eq!(told["pipeline"], "__default__");
    assert_eq!(told["status"], "Succeeded");
    assert_eq!(told["failures"], json!([]));
    assert!(told["duration_seconds"].as_f64().unwrap() > 0.0, "{told}");
    assert!(told["run_name"].as_str().unwrap().starts_with("tiny-default-"), "{told}");

    // The run fails, and so does its end.
    project.write("data/01_raw/fail", "");
    project.write("data/01_raw/fail-at-the-end", "");
    let work = project.scratch("work");
    let run = |project: &Project| {
        project
            .kubedro(&["run-local", "--workdir", work.to_str().unwrap()])
            .env("KUBEDRO_NOTIFICATION_1_URL", server.url("/slack"))
            .env("KUBEDRO_NOTIFICATION_2_HEADER_X_TOKEN", "t")
            .output()
            .unwrap()
    };
    let output = run(&project);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("\n    on-exit pipeline: failed (exit code 5)\n"), "{text}");
    let received = server.received();
    assert_eq!(received.len(), 2, "{received:?}");
    let slack = received.iter().find(|request| request.line.contains("/slack")).unwrap();
    let said = slack.json()["text"].as_str().unwrap().to_owned();
    assert!(said.contains("• `work`: Error (exit code 7)"), "{said}");
    let hook = received.iter().find(|request| request.line.contains("/hook")).unwrap();
    assert_eq!(hook.json()["failures"][0]["exit_code"], 7);
    assert!(hook.headers.contains("x-token: t\n"), "{}", hook.headers);

    // Its end alone: that is seen, and no failure of the run unless it has to be.
    std::fs::remove_file(project.path().join("data/01_raw/fail")).unwrap();
    let output = run(&project);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("\n    on-exit pipeline: failed (exit code 5)\n"), "{text}");
    project.write("conf/base/kubeflow.yaml", &format!("{settings}  on_exit_required: True\n"));
    let output = run(&project);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("on-exit: Error (exit code 5)"), "{text}");
}

#[test]
fn the_workflow_has_notifications_and_no_secrets() {
    let project = Project::tiny(NEW, PIPELINES);
    project.write(
        "conf/base/kubeflow.yaml",
        &settings_with(
            "
    - webhook:
        url: {secret: hook, key: url}
        headers: {Authorization: {secret: hook, key: token}}
        body: '{{ status }}'
      on: [Failed, Error]
      timeout: 1m30s
      retries: 0
",
        ),
    );
    let workflow = project.compiled(&[]);
    assert_eq!(workflow.spec()["onExit"], "on-exit");
    let container = workflow.container("on-exit");
    let from = |key: &str| json!({"secretKeyRef": {"name": "hook", "key": key, "optional": true}});
    let env = container["env"].as_array().unwrap();
    assert!(env.contains(&json!({"name": "KUBEDRO_NOTIFICATION_1_URL", "valueFrom": from("url")})));
    assert!(env.contains(
        &json!({"name": "KUBEDRO_NOTIFICATION_1_HEADER_AUTHORIZATION", "valueFrom": from("token")})
    ));
    for other in ["data-volume-init", "work"] {
        let env = workflow.container(other)["env"].to_string();
        assert!(!env.contains("NOTIFICATION"), "{other}: {env}");
    }
    let spec: Value = serde_json::from_str(container["args"][2].as_str().unwrap()).unwrap();
    assert_eq!(spec["pipeline"], Value::Null);
    assert_eq!(spec["notifications"][0]["timeout"], 90_000);
    assert_eq!(spec["notifications"][0]["on"], json!(["Failed", "Error"]));
    assert!(!container["args"][2].as_str().unwrap().contains("{{"));
    let graph = stdout(&project.kubedro(&["graph"]).output().unwrap());
    assert!(graph.contains("notification 1 (webhook)"), "{graph}");
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let project = Project::tiny(NEW, PIPELINES);
    let said = |notification: &str| {
        let settings = settings_with(&format!("\n    - {notification}\n"));
        project.write("conf/base/kubeflow.yaml", &settings);
        let output = project.kubedro(&["compile", "-o", "-"]).output().unwrap();
        (output.status.code(), stderr(&output))
    };
    for (notification, place, text) in [
        ("{}", "4:3", "neither `slack` nor `webhook`"),
        ("{slack: {url: 'http://a'}, on: [failed]}", "5:39", "Did you mean `Failed`?"),
        ("{slack: {url: {secret: My_Secret, key: url}}}", "5:30", "the name of a secret"),
        ("{slack: [a]}", "5:8", "a list, expected a mapping"),
        // Each would be sent the secret of the other.
        (
            "{webhook: {url: 'http://a', headers: {X.Key: {secret: a, key: b}, X-Key: {secret: c, key: d}}}}",
            "5:35",
            "`X-Key` cannot stand beside `X.Key`",
        ),
        (
            "{webhook: {url: 'http://a', body: '{{ statu }}'}}",
            "5:41",
            "there is no `statu`. Did you mean `status`?",
        ),
    ] {
        let (code, shown) = said(notification);
        assert_eq!(code, Some(32), "{notification}: {shown}");
        assert!(shown.contains(&format!("kubeflow.yaml:{place}")), "{notification}: {shown}");
        assert!(shown.contains(text), "{notification}: {shown}");
    }
    for (notification, text) in [
        ("{slack: {url: 'http://a'}, retrie: 1}", "Did you mean `retries`?"),
        ("{slack: {url: {secret: a, key: b, kee: c}}}", "Did you mean `key`?"),
    ] {
        let (code, shown) = said(notification);
        assert_eq!(code, Some(0), "{notification}: {shown}");
        assert!(shown.contains("[unknown-key]") && shown.contains(text), "{notification}: {shown}");
    }
}

#[test]
fn secrets_in_plain_text_are_found() {
    let project = Project::tiny(NEW, PIPELINES);
    project.write(
        "conf/base/kubeflow.yaml",
        &settings_with(
            "
    - slack:
        url: https://hooks.slack.com/services/T0/B0/hunter2
    - webhook:
        url: https://example.com/hook?token=hunter2hunter2
    - webhook:
        url: https://example.com/hook
        headers:
          authorization: hunter2
          X-Kind: run
",
        ),
    );
    let output = project.kubedro(&["lint"]).output().unwrap();
    let text = stdout(&output);
    assert_eq!(text.matches("[secret-in-plain-text]").count(), 3, "{text}");
    for place in ["6:9", "8:9", "12:11"] {
        assert!(text.contains(&format!("kubeflow.yaml:{place}")), "{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_is_required_has_to_be_there() {
    let project = Project::tiny(NEW, PIPELINES);
    project.write(
        "conf/base/kubeflow.yaml",
        "run_config:\n  image: x\n  volume: {}\n  on_exit_required: True\n",
    );
    let text = stdout(&project.kubedro(&["lint"]).output().unwrap());
    assert!(text.contains("no exit handler that could be required"), "{text}");
    assert!(text.contains("kubeflow.yaml:4:3"), "{text}");
}
