//! Compares what a server says that it has got with what it was sent, where it
//! says so: Google (`x-goog-hash`) and Azure (`Content-MD5`) answer an upload
//! with the MD5 sum of what has arrived. (To S3 each request says its own
//! SHA-256 sum, which the server has to check.)

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};

/// A client that compares.
#[derive(Debug)]
pub(super) struct Checked {
    client: HttpClient,
}

/// The request is tried again, as after a cut connection.
#[derive(Debug, thiserror::Error)]
#[error("the server has got other bytes than it was sent (their MD5 sum differs)")]
struct Damaged;

impl Checked {
    pub fn new(client: HttpClient) -> Self {
        Self { client }
    }
}

#[async_trait]
impl HttpService for Checked {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // What is sent lies in memory: a copy costs nothing.
        let sent = (request.method().as_str() == "PUT" && request.body().content_length() > 0)
            .then(|| request.body().clone());
        let response = self.client.execute(request).await?;
        if let Some(sent) = sent
            && response.status().is_success()
            && let Some(theirs) = sum_of(&response)
            && md5(sent).is_some_and(|ours| ours != theirs)
        {
            return Err(HttpError::new(HttpErrorKind::Request, Damaged));
        }
        Ok(response)
    }
}

/// The MD5 sum of what the server has got, in base64.
fn sum_of(response: &HttpResponse) -> Option<String> {
    let headers = response.headers();
    if let Some(sum) = headers.get("content-md5") {
        return sum.to_str().ok().map(str::to_owned);
    }
    // `crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`, or a header for each.
    headers
        .get_all("x-goog-hash")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|sum| sum.trim().strip_prefix("md5=").map(str::to_owned))
}

fn md5(body: HttpRequestBody) -> Option<String> {
    let mut sum = Md5::new();
    let mut body = body;
    // Nothing of it has to be waited for.
    while let Some(frame) = body.frame().now_or_never()? {
        sum.update(frame.ok()?.data_ref()?);
    }
    Some(BASE64.encode(sum.finalize()))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use object_store::PutPayload;
    use object_store::client::{
        HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    };

    use super::Checked;

    /// Answers with a header.
    #[derive(Debug)]
    struct Says(&'static str, &'static str);

    #[async_trait]
    impl HttpService for Says {
        async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
            let mut response = HttpResponse::new(String::new().into());
            response.headers_mut().insert(self.0, self.1.parse().unwrap());
            Ok(response)
        }
    }

    fn put(name: &'static str, value: &'static str) -> Result<HttpResponse, HttpError> {
        let checked = Checked::new(HttpClient::new(Says(name, value)));
        let body = PutPayload::from_static(b"some bytes");
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = "PUT".parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(checked.call(request))
    }

    #[test]
    fn another_sum_is_an_error_after_which_it_is_tried_again() {
        // md5sum of `some bytes`.
        let right = "nQVoRp0gbBrt8bcfEvR0vA==";
        for (name, value) in [
            ("content-md5", right),
            ("x-goog-hash", "crc32c=AAAAAA==,md5=nQVoRp0gbBrt8bcfEvR0vA=="),
            ("x-goog-hash", "crc32c=AAAAAA=="),
            ("etag", "x"),
        ] {
            assert!(put(name, value).is_ok(), "{name}: {value}");
        }
        let wrong = "Ojk9c3dhfxgoKVVHYwFbHQ==";
        for (name, value) in [
            ("content-md5", wrong),
            ("x-goog-hash", "crc32c=AAAAAA==,md5=Ojk9c3dhfxgoKVVHYwFbHQ=="),
        ] {
            let error = put(name, value).unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::Request, "{name}: {value}");
        }
    }
}
