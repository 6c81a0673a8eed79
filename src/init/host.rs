//! The base URL of Kubeflow Pipelines.

use std::fmt;
use std::str::FromStr;

/// An `http` or `https` URL without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is wrong with a URL, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |message: String| Err(Error(message));
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong(format!("it has no scheme: write https://{text} or http://{text}"));
        };
        let scheme = scheme.to_lowercase();
        if scheme != "http" && scheme != "https" {
            return wrong(format!("`{scheme}` is not http or https"));
        }
        if let Some(at) = rest.find(['?', '#']) {
            let (base, page) = rest.split_at(at);
            return wrong(format!(
                "`{page}` is a page, not a part of the base URL: write {scheme}://{}",
                base.trim_end_matches('/')
            ));
        }
        // What RFC 3986 has, and letters that a browser would encode.
        let foreign = rest.chars().find(|character| {
            !character.is_alphanumeric() && !"-._~:/[]@!$&'()*+,;=%".contains(*character)
        });
        if let Some(character) = foreign {
            return wrong(format!("{character:?} has no place in a URL"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return wrong(
                "it has a user's name or password in it, which do not belong in a file that is kept in git"
                    .to_owned(),
            );
        }
        check_authority(authority)?;
        Ok(Self(format!("{scheme}://{authority}{}", path.trim_end_matches('/'))))
    }
}

/// A name or an address, and perhaps a port.
fn check_authority(authority: &str) -> Result<(), Error> {
    // The colons of an address in brackets are its own.
    let address_end = if authority.starts_with('[') {
        authority.find(']').map_or(authority.len(), |at| at + 1)
    } else {
        0
    };
    let colon = authority[address_end..].find(':').map(|at| at + address_end);
    let (host, port) = match colon {
        Some(at) => (&authority[..at], Some(&authority[at + 1..])),
        None => (authority, None),
    };
    if let Some(port) = port
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Err(Error(format!("`{port}` is not a port: a port is a number from 1 to 65535")));
    }
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.strip_suffix('.').unwrap_or(host).split('.').all(is_label),
    };
    match (host, is_host) {
        (_, true) => Ok(()),
        ("", _) => Err(Error("there is no host behind the scheme".to_owned())),
        _ => Err(Error(format!("`{host}` is not the name or address of a host"))),
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.chars().all(|character| character.is_alphanumeric() || "-_".contains(character))
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn base_urls_are_taken_without_their_last_slash() {
        for (given, taken) in [
            ("https://kubeflow.example.com/pipelines", "https://kubeflow.example.com/pipelines"),
            ("https://kubeflow.example.com/pipelines//", "https://kubeflow.example.com/pipelines"),
            (" HTTP://localhost:9000/\n", "http://localhost:9000"),
            ("http://10.0.0.1", "http://10.0.0.1"),
            ("http://[::1]:8080/pipeline", "http://[::1]:8080/pipeline"),
            ("https://a_b-c.svc.cluster.local.", "https://a_b-c.svc.cluster.local."),
            ("https://bücher.example/%C3%A9/~me", "https://bücher.example/%C3%A9/~me"),
        ] {
            assert_eq!(given.parse::<Host>().unwrap().to_string(), taken);
        }
    }

    #[test]
    fn others_are_told_what_is_wrong() {
        for (given, said) in [
            ("", "no scheme"),
            ("kubeflow.example.com", "write https://kubeflow.example.com or"),
            ("localhost:9000", "no scheme"),
            ("ftp://kubeflow.example.com", "`ftp` is not http or https"),
            ("https://", "no host"),
            ("https:///pipelines", "no host"),
            ("https://:80", "no host"),
            ("https://a..b", "`a..b` is not the name"),
            ("https://[::1", "is not the name"),
            ("https://[nothing]", "is not the name"),
            ("https://a:b", "`b` is not a port"),
            ("https://a:0", "`0` is not a port"),
            ("https://a:65536/x", "`65536` is not a port"),
            ("https://me:secret@a", "password"),
            ("https://a b", "' ' has no place"),
            ("https://a/\"b", "has no place"),
            ("https://a/${b}", "has no place"),
            ("https://a/pipeline/#/experiments", "write https://a/pipeline"),
            ("https://a/?ns=x", "`?ns=x` is a page"),
        ] {
            let message = given.parse::<Host>().unwrap_err().to_string();
            assert!(message.contains(said), "{given}: {message}");
        }
    }
}
