//! Azure Blob Storage.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;

use super::{Server, asked};

const KEY: &[u8] = b"the account's key, which is any bytes";

/// A server with the container `bucket`.
pub struct AzureServer {
    server: Server,
    account: String,
}

impl AzureServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Nobody else has an account of this name.
        let name = folder.path().file_name().unwrap().to_str().unwrap().to_lowercase();
        let account: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let command = |command: &mut Command, folder: &Path, port: u16| {
            command
                .args(["--blobPort", &port.to_string(), "--silent", "--disableTelemetry"])
                .arg("--skipApiVersionCheck")
                .arg("--location")
                .arg(folder)
                .env("AZURITE_ACCOUNTS", format!("{account}:{}", BASE64.encode(KEY)));
        };
        let answers = |address: &str| {
            Ok(asked(address, &make_container(&account))?.starts_with("HTTP/1.1 201"))
        };
        let server = Server::start(folder, "azurite", command, answers);
        Self { server, account }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.server.address
    }

    /// `http://127.0.0.1:PORT/ACCOUNT`
    pub fn endpoint(&self) -> String {
        format!("http://{}/{}", self.server.address, self.account)
    }

    /// Those of an owner of the container.
    pub fn keys(&self) -> [(&'static str, String); 2] {
        [
            ("AZURE_STORAGE_ACCOUNT_NAME", self.account.clone()),
            ("AZURE_STORAGE_ACCOUNT_KEY", BASE64.encode(KEY)),
        ]
    }
}

/// A request that makes the container, signed (`SharedKey`).
fn make_container(account: &str) -> String {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let version = "2021-08-06";
    let signed = format!(
        "PUT{}x-ms-date:{date}\nx-ms-version:{version}\n/{account}/{account}/bucket\nrestype:container",
        "\n".repeat(12)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
    let signature = BASE64.encode(hmac::sign(&key, signed.as_bytes()));
    format!(
        "PUT /{account}/bucket?restype=container HTTP/1.1\r\nContent-Length: 0\r\nx-ms-date: {date}\r\nx-ms-version: {version}\r\nAuthorization: SharedKey {account}:{signature}"
    )
}
