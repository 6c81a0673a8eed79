//! Real servers, each started for one test and ended with it.

mod azure;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::signer::{SignedUrlOptions, Signer as _};
use tempfile::TempDir;

pub use self::azure::AzureServer;
use crate::support::{Project, repository};

const ACCESS_KEY: &str = "test-access-key";
const SECRET_KEY: &str = "test-secret-key";

/// A server that ends with the test.
struct Server {
    child: Child,
    folder: TempDir,
    address: String,
}

impl Server {
    /// Starts it, on a port that was free a moment ago. That may be another's by
    /// then: `answers` has to know this server from others.
    fn start(
        folder: TempDir,
        name: &str,
        command: impl Fn(&mut Command, &Path, u16),
        answers: impl Fn(&str) -> std::io::Result<bool>,
    ) -> Self {
        let program = repository().join(".servers").join(name);
        assert!(program.is_file(), "the server {name} is missing: run scripts/test");
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let address = format!("127.0.0.1:{port}");
            let log = std::fs::File::create(folder.path().join("log")).unwrap();
            // Ends with the test, even one that is killed.
            let mut starter = Command::new("setpriv");
            starter.args(["--pdeathsig", "KILL"]).arg(&program);
            command(&mut starter, folder.path(), port);
            let mut child = starter
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_mins(1) && child.try_wait().unwrap().is_none() {
                if answers(&address).unwrap_or(false) {
                    return Self { child, folder, address };
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        panic!("{}", std::fs::read_to_string(folder.path().join("log")).unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the server at the address says to a request, all of it as text.
fn asked(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// An S3 server that keeps each object of its bucket `bucket` in a file of the
/// same path.
pub struct S3Server(Server);

impl S3Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["objects/bucket", "metadata"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        // Nobody else answers under this path.
        let health = format!("/health-{}", folder.path().file_name().unwrap().to_str().unwrap());
        let command = |command: &mut Command, folder: &Path, port: u16| {
            command
                .args(["--port", &format!("127.0.0.1:{port}"), "--health", &health, "--quiet"])
                .args(["posix", "--sidecar"])
                .args([folder.join("metadata"), folder.join("objects")])
                // Files that a test puts there itself have no etag of their own.
                .args(["--default-etag", "d41d8cd98f00b204e9800998ecf8427e"])
                .env("ROOT_ACCESS_KEY", ACCESS_KEY)
                .env("ROOT_SECRET_KEY", SECRET_KEY);
        };
        let answers = |address: &str| {
            Ok(asked(address, &format!("GET {health} HTTP/1.1"))?.starts_with("HTTP/1.1 200"))
        };
        Self(Server::start(folder, "versitygw", command, answers))
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Those of an owner of the bucket.
    pub fn keys() -> [(&'static str, &'static str); 2] {
        [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)]
    }

    /// Lets everybody do everything with the bucket.
    pub fn open_to_all(&self) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_endpoint(format!("http://{}", self.address()))
            .with_allow_http(true)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .build()
            .unwrap();
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"]}]}"#;
        let options = SignedUrlOptions::default().with_query([("policy", "")]);
        let (place, minute) = (Key::ROOT, Duration::from_mins(1));
        let signed = client.signed_url_opts("PUT".parse().unwrap(), &place, minute, &options);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let url = runtime.block_on(signed).unwrap();
        let mut stream = TcpStream::connect(self.address()).unwrap();
        write!(
            stream,
            "PUT {}?{} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{policy}",
            url.path(),
            url.query().unwrap(),
            self.address(),
            policy.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }

    /// Where the bucket's objects lie as files.
    pub fn bucket(&self) -> PathBuf {
        self.0.folder.path().join("objects/bucket")
    }

    /// Gives a project the credentials `store`, for `s3://bucket/…`.
    pub fn give_credentials(&self, project: &Project) {
        project.write(
            "conf/base/credentials.yml",
            &format!(
                "store:\n  key: {ACCESS_KEY}\n  secret: {SECRET_KEY}\n  client_kwargs:\n    endpoint_url: http://{}\n",
                self.address()
            ),
        );
    }
}
