//! The client of a store: whom it trusts, who it is, and how long it waits.
//!
//! Who it is comes from the environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`), from
//! the options, or from the cloud's own identity (roles of pods and machines),
//! as the crate `object_store` finds it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::checked::Checked;
use super::error::described;
use super::options::{MAX_RETRIES, NO_CHECKSUM, RETRY_TIMEOUT, check_option};
use super::{Error, Location, Scheme};
use crate::http;

/// A request that takes longer is given up and tried again. With as many
/// requests at once as there are, 8 MiB need about 150 KB/s.
const TIMEOUT: (&str, &str) = ("timeout", "60s");

/// Each request to S3 says the sum of what it sends, and S3 keeps it.
const CHECKSUM: (&str, &str) = ("checksum_algorithm", "SHA256");

/// So often a request is tried again, unless an option says otherwise.
const RETRIES: usize = 10;

/// After this time it is not tried again: also the longest for which what it
/// is signed with has to stay valid.
const LONGEST: Duration = Duration::from_mins(3);

/// A store in which keys are those below the location.
pub(super) fn connect(
    location: &Location,
    options: &BTreeMap<String, String>,
) -> Result<Arc<dyn ObjectStore>, Error> {
    for name in options.keys() {
        check_option(location.scheme, name)?;
    }
    let retry = retries(options)?;
    let failed = |error: object_store::Error| Error::Options(described(&error));
    let store: Arc<dyn ObjectStore> = match location.scheme {
        Scheme::S3 => {
            let mut builder = AmazonS3Builder::from_env();
            for (name, value) in settings("AWS", &[TIMEOUT, CHECKSUM], options) {
                // Of all settings this one alone cannot be taken back.
                if !(name.ends_with(CHECKSUM.0) && value == NO_CHECKSUM) {
                    builder = builder.with_config(name.parse().map_err(failed)?, value);
                }
            }
            let builder = builder.with_bucket_name(&location.bucket).with_retry(retry);
            Arc::new(builder.with_http_connector(Connector::new(false)?).build().map_err(failed)?)
        }
        Scheme::Google => {
            let mut builder = GoogleCloudStorageBuilder::from_env();
            for (name, value) in settings("GOOGLE", &[TIMEOUT], options) {
                builder = builder.with_config(name.parse().map_err(failed)?, value);
            }
            let builder = builder.with_bucket_name(&location.bucket).with_retry(retry);
            Arc::new(builder.with_http_connector(Connector::new(true)?).build().map_err(failed)?)
        }
        Scheme::Azure => {
            let mut builder = MicrosoftAzureBuilder::from_env();
            for (name, value) in settings("AZURE", &[TIMEOUT], options) {
                builder = builder.with_config(name.parse().map_err(failed)?, value);
            }
            let builder = builder.with_url(&location.root).with_retry(retry);
            Arc::new(builder.with_http_connector(Connector::new(true)?).build().map_err(failed)?)
        }
        Scheme::File => {
            let folder = &location.folder;
            std::fs::create_dir_all(folder).map_err(|error| {
                Error::Options(format!("cannot make the folder {}: {error}", folder.display()))
            })?;
            let store = LocalFileSystem::new_with_prefix(folder).map_err(failed)?;
            Arc::new(store.with_automatic_cleanup(true))
        }
    };
    Ok(Arc::new(PrefixStore::new(store, location.prefix.clone())))
}

/// The options that a client knows, and ours that neither they nor the
/// environment have something else for.
fn settings<'a>(
    prefix: &str,
    ours: &[(&'a str, &'a str)],
    options: &'a BTreeMap<String, String>,
) -> Vec<(&'a str, &'a str)> {
    let given = options
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| ![MAX_RETRIES, RETRY_TIMEOUT].contains(name));
    let free = |name: &str| {
        let variable = format!("{prefix}_{}", name.to_uppercase());
        let names = [name.to_owned(), variable.to_lowercase()];
        !names.iter().any(|name| options.contains_key(name)) && std::env::var_os(variable).is_none()
    };
    ours.iter().copied().filter(|(name, _)| free(name)).chain(given).collect()
}

fn retries(options: &BTreeMap<String, String>) -> Result<RetryConfig, Error> {
    let wrong = |name: &str, what: &str| Error::Options(format!("`{name}` is {what}"));
    let max_retries = match options.get(MAX_RETRIES) {
        Some(text) => text.parse().map_err(|_| wrong(MAX_RETRIES, "no number"))?,
        None => RETRIES,
    };
    let retry_timeout = match options.get(RETRY_TIMEOUT) {
        Some(text) => crate::duration::parse(text)
            .ok_or_else(|| wrong(RETRY_TIMEOUT, "no duration, such as 30s or 3m"))?,
        None => LONGEST,
    };
    Ok(RetryConfig { backoff: BackoffConfig::default(), max_retries, retry_timeout })
}

/// Makes the HTTP clients, with the authorities that the program trusts.
#[derive(Debug)]
struct Connector {
    authorities: Vec<Certificate>,
    compares: bool,
}

impl Connector {
    /// One that compares what the server says it has got, or does not.
    fn new(compares: bool) -> Result<Self, Error> {
        http::install_cryptography();
        let failed = |path: &PathBuf, reason: String| {
            Error::Options(format!("cannot read the certificates in {}: {reason}", path.display()))
        };
        let authorities = match http::named_authorities() {
            Some(path) => {
                let text =
                    std::fs::read(&path).map_err(|error| failed(&path, error.to_string()))?;
                let found = Certificate::from_pem_bundle(&text)
                    .map_err(|error| failed(&path, error.to_string()))?;
                if found.is_empty() {
                    return Err(failed(&path, "there are none in it".to_owned()));
                }
                found
            }
            None => TLS_SERVER_ROOT_CERTS
                .iter()
                .map(|certificate| Certificate::from_der(certificate))
                .collect::<Result<_, _>>()
                .map_err(|error| Error::Runtime(error.to_string()))?,
        };
        Ok(Self { authorities, compares })
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let options = self.authorities.iter().cloned().fold(
            options.clone().with_no_system_certificates(true),
            ClientOptions::with_root_certificate,
        );
        let client = ReqwestConnector::default().connect(&options)?;
        Ok(if self.compares { HttpClient::new(Checked::new(client)) } else { client })
    }
}
