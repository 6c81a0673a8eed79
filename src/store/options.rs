//! The names of the settings of a store's client: those of the crate
//! `object_store` (which are the small letters of `AWS_…`, `GOOGLE_…` and
//! `AZURE_…`, the prefix may be left out), and a few of our own.

use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;

use super::{Error, Scheme};
use crate::names::did_you_mean;

/// Of every client: tries after the first, of one request.
pub(super) const MAX_RETRIES: &str = "max_retries";
/// Of every client: how long a request is tried again.
pub(super) const RETRY_TIMEOUT: &str = "retry_timeout";
/// The value of `checksum_algorithm` for servers that know none.
pub(super) const NO_CHECKSUM: &str = "none";

/// Names that are offered for one that is wrong.
const OF_ALL: [&str; 10] = [
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    MAX_RETRIES,
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    RETRY_TIMEOUT,
    "timeout",
    "user_agent",
];
const OF_S3: [&str; 22] = [
    "access_key_id",
    "checksum_algorithm",
    "container_credentials_full_uri",
    "container_credentials_relative_uri",
    "disable_bulk_delete",
    "endpoint",
    "endpoint_url",
    "endpoint_url_sts",
    "imdsv1_fallback",
    "metadata_endpoint",
    "region",
    "request_payer",
    "role_arn",
    "role_session_name",
    "secret_access_key",
    "server_side_encryption",
    "session_token",
    "skip_signature",
    "sse_kms_key_id",
    "unsigned_payload",
    "virtual_hosted_style_request",
    "web_identity_token_file",
];
const OF_GOOGLE: [&str; 6] = [
    "application_credentials",
    "base_url",
    "bearer_token",
    "service_account",
    "service_account_key",
    "skip_signature",
];
const OF_AZURE: [&str; 16] = [
    "access_key",
    "account_name",
    "authority_host",
    "authority_id",
    "bearer_token",
    "client_id",
    "client_secret",
    "endpoint",
    "federated_token_file",
    "msi_endpoint",
    "object_id",
    "sas_token",
    "skip_signature",
    "tenant_id",
    "use_azure_cli",
    "use_emulator",
];

/// Whether a client of this kind of store has such a setting.
pub fn check_option(scheme: Scheme, name: &str) -> Result<(), Error> {
    let known = match scheme {
        _ if [MAX_RETRIES, RETRY_TIMEOUT].contains(&name) => true,
        // The place is what the URL says.
        _ if name.contains("bucket") && !name.contains("sse")
            || name.ends_with("container_name") =>
        {
            false
        }
        Scheme::S3 => name.parse::<AmazonS3ConfigKey>().is_ok(),
        Scheme::Google => name.parse::<GoogleConfigKey>().is_ok(),
        Scheme::Azure => name.parse::<AzureConfigKey>().is_ok(),
        Scheme::File => false,
    };
    if known {
        return Ok(());
    }
    let own: &[&str] = match scheme {
        Scheme::S3 => &OF_S3,
        Scheme::Google => &OF_GOOGLE,
        Scheme::Azure => &OF_AZURE,
        Scheme::File => {
            return Err(Error::Option {
                name: name.to_owned(),
                near: " A folder has none".to_owned(),
            });
        }
    };
    let near = did_you_mean(name, own.iter().chain(&OF_ALL).copied());
    Err(Error::Option { name: name.to_owned(), near })
}

/// Whether the value of a setting is a secret.
pub fn is_secret(name: &str) -> bool {
    const PARTS: [&str; 8] = [
        "secret",
        "token",
        "access_key",
        "account_key",
        "master_key",
        "sas_key",
        "encryption_key",
        "customer_key",
    ];
    // Where something is, and what the public half of a key is, is none.
    !name.ends_with("_file")
        && !name.ends_with("_url")
        && !name.ends_with("key_id")
        && (PARTS.iter().any(|part| name.contains(part)) || name.ends_with("service_account_key"))
}

#[cfg(test)]
mod tests {
    use super::{OF_ALL, OF_AZURE, OF_GOOGLE, OF_S3, check_option, is_secret};
    use crate::store::Scheme;

    #[test]
    fn what_is_offered_is_known() {
        for (scheme, names) in
            [(Scheme::S3, &OF_S3[..]), (Scheme::Google, &OF_GOOGLE), (Scheme::Azure, &OF_AZURE)]
        {
            for name in names.iter().chain(&OF_ALL) {
                assert!(check_option(scheme, name).is_ok(), "{name}");
            }
        }
        assert!(check_option(Scheme::S3, "aws_endpoint").is_ok());
    }

    #[test]
    fn what_is_not_known_is_told_with_the_nearest_name() {
        let said = check_option(Scheme::S3, "endpint").unwrap_err().to_string();
        assert!(said.contains("Did you mean `endpoint`?"), "{said}");
        for name in ["bucket", "bucket_name", "region"] {
            assert!(check_option(Scheme::Google, name).is_err(), "{name}");
        }
        assert!(check_option(Scheme::Azure, "container_name").is_err());
        assert!(check_option(Scheme::File, "endpoint").is_err());
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "secret_access_key",
            "aws_secret_access_key",
            "session_token",
            "token",
            "access_key",
            "sas_token",
            "client_secret",
            "service_account_key",
            "sse_customer_key_base64",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "endpoint",
            "region",
            "access_key_id",
            "web_identity_token_file",
            "sse_kms_key_id",
            "service_account",
            "fabric_token_service_url",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
