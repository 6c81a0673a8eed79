//! Real servers, each started for one test and ended with it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Project, repository};

const ACCESS_KEY: &str = "test-access-key";
const SECRET_KEY: &str = "test-secret-key";

/// An S3 server that keeps each object of its bucket `bucket` in a file of the
/// same path.
pub struct S3Server {
    child: Child,
    folder: TempDir,
    endpoint: String,
}

impl S3Server {
    pub fn start() -> Self {
        let program = repository().join(".servers/versitygw");
        assert!(program.is_file(), "the S3 server is missing: run scripts/test");
        let folder = tempfile::tempdir().unwrap();
        for name in ["objects/bucket", "metadata"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        // A port that was free a moment ago may be another's now: then again.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let address = format!("127.0.0.1:{port}");
            // Nobody else answers under this path.
            let health = format!("/health-{}-{port}", std::process::id());
            let log = std::fs::File::create(folder.path().join("log")).unwrap();
            // Ends with the test, even one that is killed.
            let mut child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL"])
                .arg(&program)
                .args(["--port", &address, "--health", &health, "--quiet", "posix", "--sidecar"])
                .args([folder.path().join("metadata"), folder.path().join("objects")])
                // Files that a test puts there itself have no etag of their own.
                .args(["--default-etag", "d41d8cd98f00b204e9800998ecf8427e"])
                .env("ROOT_ACCESS_KEY", ACCESS_KEY)
                .env("ROOT_SECRET_KEY", SECRET_KEY)
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            if answers(&mut child, &address, &health) {
                return Self { child, folder, endpoint: format!("http://{address}") };
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        panic!("{}", std::fs::read_to_string(folder.path().join("log")).unwrap());
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// The environment of who may use it.
    pub fn keys() -> [(&'static str, &'static str); 2] {
        [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)]
    }

    /// Where the bucket's objects lie as files.
    pub fn bucket(&self) -> PathBuf {
        self.folder.path().join("objects/bucket")
    }

    /// Gives a project the credentials `store`, for `s3://bucket/…`.
    pub fn give_credentials(&self, project: &Project) {
        project.write(
            "conf/base/credentials.yml",
            &format!(
                "store:\n  key: {ACCESS_KEY}\n  secret: {SECRET_KEY}\n  client_kwargs:\n    endpoint_url: {}\n",
                self.endpoint
            ),
        );
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the server says that it is well; false when it has ended.
fn answers(child: &mut Child, address: &str, health: &str) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_mins(1) {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            write!(
                stream,
                "GET {health} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        if ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
