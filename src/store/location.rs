//! The URL of a place in a store.

use std::fmt;
use std::path::PathBuf;

use object_store::path::Path as Key;
use url::Url;

use super::Error;
use crate::names::did_you_mean;

/// The kinds of stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Amazon S3, and all that speaks its API.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage and Data Lake.
    Azure,
    /// A folder of this machine.
    File,
}

/// How each is written in a URL.
const SCHEMES: [(&str, Scheme); 7] = [
    ("s3", Scheme::S3),
    ("s3a", Scheme::S3),
    ("gs", Scheme::Google),
    ("az", Scheme::Azure),
    ("abfs", Scheme::Azure),
    ("abfss", Scheme::Azure),
    ("file", Scheme::File),
];

/// A place in a store. As text it is the URL without a `/` at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The kind of the store.
    pub scheme: Scheme,
    /// Scheme and host: `s3://bucket`, `abfs://container@account.dfs.core.windows.net`.
    pub(super) root: String,
    /// The bucket or container.
    pub(super) bucket: String,
    /// Below the bucket.
    pub(super) prefix: Key,
    /// Of [`Scheme::File`].
    pub(super) folder: PathBuf,
    text: String,
}

impl Location {
    /// Reads the URL. What is refused is not repeated in the error where it
    /// may be a secret.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::Url(reason.to_owned());
        let Some((name, _)) = text.split_once("://") else {
            return Err(wrong("it is not SCHEME://BUCKET/PREFIX, such as s3://my-bucket/runs"));
        };
        let Some((_, scheme)) = SCHEMES.iter().find(|(known, _)| *known == name) else {
            let near = did_you_mean(name, SCHEMES.iter().map(|(known, _)| *known));
            let known = "s3, gs, az, abfs, abfss and file";
            return Err(Error::Url(format!(
                "there is no store for `{name}://`.{near} Known are {known}"
            )));
        };
        let scheme = *scheme;
        // The library's message may repeat what is before an `@`.
        let url = Url::parse(text).map_err(|_| wrong("it is no URL"))?;
        // abfs://CONTAINER@ACCOUNT.dfs.core.windows.net
        let has_container = scheme == Scheme::Azure && name != "az" && !url.username().is_empty();
        if url.password().is_some() || !(url.username().is_empty() || has_container) {
            return Err(wrong(
                "it has credentials in it, which everybody could read; take them from a secret of the cluster",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has `?` or `#` in it, which no place in a store has"));
        }
        let host = url.host_str().unwrap_or_default();
        let trimmed = text.trim_end_matches('/').to_owned();
        if scheme == Scheme::File {
            let folder = url
                .to_file_path()
                .map_err(|()| wrong("a folder is file:///FOLDER, with three slashes"))?;
            let (root, bucket) = (String::new(), String::new());
            return Ok(Self { scheme, root, bucket, prefix: Key::ROOT, folder, text: trimmed });
        }
        if host.is_empty() {
            return Err(wrong("it has no bucket: SCHEME://BUCKET/PREFIX"));
        }
        let prefix = Key::from_url_path(url.path())
            .map_err(|error| Error::Url(format!("its path cannot be a prefix: {error}")))?;
        let user = if has_container { format!("{}@", url.username()) } else { String::new() };
        Ok(Self {
            scheme,
            root: format!("{name}://{user}{host}"),
            bucket: host.to_owned(),
            prefix,
            folder: PathBuf::new(),
            text: trimmed,
        })
    }

    /// The URL of a folder of this machine.
    pub fn of_folder(folder: &std::path::Path) -> Option<String> {
        Url::from_file_path(folder).ok().map(|url| url.to_string())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Location, Scheme};

    #[test]
    fn urls_are_read() {
        for (url, scheme, root, prefix) in [
            ("s3://bucket", Scheme::S3, "s3://bucket", ""),
            ("s3://my_bucket/a/b/", Scheme::S3, "s3://my_bucket", "a/b"),
            ("gs://bucket/a%20b/c d", Scheme::Google, "gs://bucket", "a b/c d"),
            ("az://container/p", Scheme::Azure, "az://container", "p"),
            (
                "abfs://container@a.dfs.core.windows.net/p",
                Scheme::Azure,
                "abfs://container@a.dfs.core.windows.net",
                "p",
            ),
        ] {
            let read = Location::parse(url).unwrap();
            assert_eq!((read.scheme, &*read.root, read.prefix.as_ref()), (scheme, root, prefix));
            assert_eq!(read.to_string(), url.trim_end_matches('/'));
        }
        let folder = Path::new("/tmp/a b%20#?é");
        let url = Location::of_folder(folder).unwrap();
        assert_eq!(Location::parse(&url).unwrap().folder, folder);
    }

    #[test]
    fn what_is_no_place_is_refused_without_its_secrets() {
        for (url, said) in [
            ("bucket/prefix", "SCHEME://BUCKET/PREFIX"),
            ("s4://bucket", "Did you mean `s3`?"),
            ("https://bucket", "there is no store for `https://`"),
            ("s3://", "no bucket"),
            ("s3:///prefix", "no bucket"),
            ("s3://KEY:hidden@bucket/prefix", "credentials"),
            ("s3://hidden@bucket/prefix", "credentials"),
            ("az://hidden@bucket/prefix", "credentials"),
            ("abfs://a:hidden@account.dfs.core.windows.net", "credentials"),
            ("az://bucket/prefix?sig=hidden", "`?`"),
            ("s3://bucket/a#hidden", "`#`"),
            ("s3://bucket/a//b", "cannot be a prefix"),
            ("s3://hidden:x:y@", "it is no URL"),
            ("file://folder/a", "three slashes"),
        ] {
            let error = Location::parse(url).unwrap_err().to_string();
            assert!(error.contains(said), "{url}: {error}");
            assert!(!error.contains("hidden"), "{url}: {error}");
        }
    }
}
