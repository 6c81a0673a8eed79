//! HTTP as Kubedro speaks it: whom it trusts, which redirects it follows, and
//! how it talks of failures. Knows no server and no message.
//!
//! Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`,
//! `ALL_PROXY`, `NO_PROXY`, in small letters too).

use std::error::Error as _;
use std::path::{Path, PathBuf};

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, StatusCode};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::env_vars;

/// Redirects that are followed before it is called a circle.
const MOST_REDIRECTS: usize = 5;

/// Whose certificates are believed.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// The authorities of the web, which are in the binary, since most images
    /// have none; instead of them those of `SSL_CERT_FILE`, where it is set.
    Web,
    /// Only those of this file (PEM).
    File(&'a Path),
}

/// There is no client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of certificates.
    #[error("cannot read the certificates in {}: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing that a user could have caused.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
}

/// A client, without a limit of time: each request has its own.
pub fn client(trust: Trust<'_>) -> Result<Client, Error> {
    install_cryptography();
    let authorities = match (trust, named_authorities()) {
        (Trust::File(path), _) => certificates(path)?,
        (Trust::Web, Some(path)) => certificates(&path)?,
        (Trust::Web, None) => TLS_SERVER_ROOT_CERTS
            .iter()
            .map(|certificate| Certificate::from_der(certificate))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Client(described(error)))?,
    };
    Client::builder()
        .user_agent(concat!("kubedro/", env!("CARGO_PKG_VERSION")))
        .tls_certs_only(authorities)
        .redirect(Policy::custom(|attempt| {
            if may_follow(&attempt) { attempt.follow() } else { attempt.stop() }
        }))
        .build()
        .map_err(|error| Error::Client(described(error)))
}

/// What every client needs that speaks TLS, before it is made.
pub fn install_cryptography() {
    // Fails where it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The file of authorities that are trusted instead of those in the binary.
pub fn named_authorities() -> Option<PathBuf> {
    let named = std::env::var_os(env_vars::SSL_CERT_FILE).filter(|name| !name.is_empty());
    named.map(PathBuf::from)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let failed = |reason: String| Error::Certificates { path: path.to_path_buf(), reason };
    let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&text).map_err(|error| failed(described(error)))?;
    if found.is_empty() { Err(failed("there are none in it".to_owned())) } else { Ok(found) }
}

/// Only to the same server, and only where the request stays what it is: what
/// is sent may be a secret, and 301 to 303 make a GET without a body of it.
fn may_follow(attempt: &Attempt<'_>) -> bool {
    let same_request =
        matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let next = attempt.url();
    let same_server = attempt.previous().last().is_some_and(|before| {
        next.scheme() == before.scheme()
            && next.host() == before.host()
            && next.port_or_known_default() == before.port_or_known_default()
    });
    same_request && same_server && attempt.previous().len() <= MOST_REDIRECTS
}

/// What went wrong, with its causes, and without the URL, which may hold a
/// secret.
pub fn described(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}
