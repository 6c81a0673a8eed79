//! A small HTTP server for tests: answers what it is told to, in order, and
//! remembers what it was sent.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A status, headers (each with its line end) and a body.
    With(u16, String, String),
    /// Nothing, for longer than anybody waits.
    Never,
}

pub fn answer(status: u16, body: &str) -> Answer {
    Answer::With(status, String::new(), body.to_owned())
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// `POST /path HTTP/1.1`
    pub line: String,
    /// In small letters.
    pub headers: String,
    pub body: String,
}

impl Received {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub struct Server {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// The last answer is given again and again.
    pub fn start(answers: Vec<Answer>) -> Self {
        Self::serve(answers, None)
    }

    /// The same with TLS, for `localhost` and `127.0.0.1`; and the certificate
    /// (PEM) of the authority that vouches for it.
    pub fn with_tls(answers: Vec<Answer>) -> (Self, String) {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        (Self::serve(answers, Some(Arc::new(config))), issuer.pem())
    }

    fn serve(answers: Vec<Answer>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let remembered = received.clone();
        std::thread::spawn(move || {
            let mut at = 0;
            for stream in listener.incoming().map(Result::unwrap) {
                let answer = answers[at.min(answers.len() - 1)].clone();
                let taken = match &tls {
                    None => handle(stream, &answer, &remembered),
                    Some(config) => {
                        let connection = ServerConnection::new(config.clone()).unwrap();
                        handle(StreamOwned::new(connection, stream), &answer, &remembered)
                    }
                };
                at += usize::from(taken);
            }
        });
        Self { port, received }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until there are so many requests.
    pub fn wait_for(&self, requests: usize) {
        for _ in 0..600 {
            if self.received().len() >= requests {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("there are only {:?}", self.received());
    }
}

/// A port at which nobody listens.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether there was a request.
fn handle(stream: impl Stream, answer: &Answer, received: &Mutex<Vec<Received>>) -> bool {
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader) else { return false };
    received.lock().unwrap().push(request);
    match answer {
        Answer::With(status, headers, body) => {
            let text = format!(
                "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
                body.len()
            );
            let stream = reader.get_mut();
            let _ = stream.write_all(text.as_bytes());
            stream.finish();
        }
        Answer::Never => {
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_mins(5));
                drop(reader);
            });
        }
    }
    true
}

fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut headers = String::new();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
        let _ = writeln!(headers, "{}:{value}", name.to_lowercase());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        line: line.trim_end().to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

trait Stream: Read + Write + Send + 'static {
    fn finish(&mut self);
}

impl Stream for TcpStream {
    fn finish(&mut self) {
        let _ = self.flush();
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn finish(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
    }
}
