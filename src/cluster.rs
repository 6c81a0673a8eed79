//! The API server of the cluster that this pod is in, asked with the pod's own
//! service account. As much of it as a pod needs: thin REST.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;

use crate::env_vars;
use crate::http::{self, Trust, described};
use crate::names::is_dns_subdomain;

/// Where Kubernetes puts the pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The API server was not asked, or did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not in a pod, or in one without a service account.
    #[error(
        "this is no pod of a cluster: {0}\n  = help: it is for pods whose service account is mounted (automountServiceAccountToken)"
    )]
    NoCluster(String),
    /// No HTTP client.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// No answer.
    #[error("the API server of the cluster cannot be asked: {0}")]
    NoAnswer(String),
    /// It refuses.
    #[error(
        "the pod's service account may not delete the claim `{claim}` in the namespace `{namespace}`\n  = help: give it a Role with the verb `delete` on `persistentvolumeclaims`: kubectl create role delete-volumes --verb=delete --resource=persistentvolumeclaims -n {namespace}"
    )]
    Forbidden {
        /// What was to be deleted.
        claim: String,
        /// Where.
        namespace: String,
    },
    /// The pod's token is none.
    #[error("the API server of the cluster does not take the pod's token ({0})")]
    Unauthorized(StatusCode),
    /// Something else.
    #[error("the API server of the cluster answered {status}{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Refused {
        /// Its answer.
        status: StatusCode,
        /// In its own words.
        reason: Option<String>,
    },
    /// A name that no claim can have.
    #[error("`{0}` cannot be the name of a claim: small letters, digits, `-` and `.`")]
    Name(String),
}

/// The pod's own way into the cluster.
struct Account {
    server: String,
    authority: PathBuf,
    token: String,
    namespace: String,
}

impl Account {
    fn of_this_pod() -> Result<Self, Error> {
        let variable = |name: &str| {
            std::env::var(name)
                .ok()
                .filter(|value| !value.is_empty())
                .ok_or_else(|| Error::NoCluster(format!("{name} is not set")))
        };
        let host = variable(env_vars::KUBERNETES_SERVICE_HOST)?;
        let port = variable(env_vars::KUBERNETES_SERVICE_PORT)?;
        // The host is an address, which in IPv6 has colons.
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let folder = std::env::var_os(env_vars::KUBEDRO_SERVICE_ACCOUNT)
            .map_or_else(|| PathBuf::from(SERVICE_ACCOUNT), PathBuf::from);
        let read = |name: &str| {
            let file = folder.join(name);
            std::fs::read_to_string(&file)
                .map(|text| text.trim().to_owned())
                .map_err(|error| Error::NoCluster(format!("{}: {error}", file.display())))
        };
        Ok(Self {
            server: format!("https://{host}:{port}"),
            token: read("token")?,
            namespace: read("namespace")?,
            authority: folder.join("ca.crt"),
        })
    }
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// It will go as soon as no pod uses it.
    Now,
    /// It was gone already.
    Before,
}

/// Deletes a volume's claim in the pod's own namespace.
pub async fn delete_claim(claim: &str) -> Result<Deleted, Error> {
    if !is_dns_subdomain(claim) {
        return Err(Error::Name(claim.to_owned()));
    }
    let Account { server, authority, token, namespace } = Account::of_this_pod()?;
    let client = http::client(Trust::File(Path::new(&authority)))?;
    let url = format!("{server}/api/v1/namespaces/{namespace}/persistentvolumeclaims/{claim}");
    let response = client
        .delete(url)
        .bearer_auth(token)
        .timeout(TIMEOUT)
        .send()
        .await
        .map_err(|error| Error::NoAnswer(described(error)))?;
    match response.status() {
        status if status.is_success() => Ok(Deleted::Now),
        StatusCode::NOT_FOUND => Ok(Deleted::Before),
        StatusCode::FORBIDDEN => Err(Error::Forbidden { claim: claim.to_owned(), namespace }),
        status @ StatusCode::UNAUTHORIZED => Err(Error::Unauthorized(status)),
        status => {
            // Kubernetes answers with a `Status` object.
            let text = response.text().await.unwrap_or_default();
            let reason = serde_json::from_str(&text)
                .ok()
                .and_then(|answer: serde_json::Value| Some(answer["message"].as_str()?.to_owned()));
            Err(Error::Refused { status, reason })
        }
    }
}
