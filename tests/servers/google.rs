//! Google Cloud Storage.

use std::path::Path;
use std::process::Command;

use super::{Server, asked};

/// A server with the bucket `bucket`, for whoever asks.
pub struct GoogleServer(Server);

impl GoogleServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Nobody else has a bucket of this name.
        let name = folder.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.');
        let own = format!("own-{}", name.to_lowercase());
        for name in ["bucket", &own] {
            std::fs::create_dir_all(folder.path().join("objects").join(name)).unwrap();
        }
        let command = |command: &mut Command, folder: &Path, port: u16| {
            command
                .args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port.to_string()])
                .args(["-public-host", &format!("127.0.0.1:{port}"), "-backend", "filesystem"])
                .arg("-filesystem-root")
                .arg(folder.join("objects"));
        };
        let answers = |address: &str| {
            let request = format!("GET /storage/v1/b/{own} HTTP/1.1");
            Ok(asked(address, &request)?.starts_with("HTTP/1.1 200"))
        };
        Self(Server::start(folder, "fake-gcs-server", command, answers))
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.0.address
    }
}
