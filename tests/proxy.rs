//! A proxy in front of a server of the tests: lets requests through, or does to
//! them what a bad day of a store does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A request as it came, without its body.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    Passes,
    /// This is answered instead: status line and body.
    Answered(&'static str, &'static str),
    /// Nothing is answered, ever.
    Stalls,
    /// Half of it arrives, then both connections are cut.
    Cut,
    /// A byte of its body arrives as another.
    Damaged,
    /// It passes when the test says so.
    Waits,
}

struct State {
    asked: Mutex<Vec<Asked>>,
    free: Mutex<bool>,
    changed: Condvar,
}

/// Lives as long as the test's process.
pub struct Proxy {
    pub address: String,
    state: Arc<State>,
}

impl Proxy {
    /// `fate` is asked for each request, with the number of those before it for
    /// which it was asked.
    pub fn start(
        server: &str,
        fate: impl Fn(&Asked, usize) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            asked: Mutex::default(),
            free: Mutex::new(false),
            changed: Condvar::new(),
        });
        let (fate, server) = (Arc::new(fate), server.to_owned());
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (fate, server, state) = (fate.clone(), server.clone(), shared.clone());
                // A connection that breaks is what the tests are about.
                std::thread::spawn(move || {
                    let _ = serve(&client, &server, &*fate, &state);
                });
            }
        });
        Self { address, state }
    }

    /// All that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Waits until something was asked.
    pub fn wait_for(&self, wanted: impl Fn(&Asked) -> bool) {
        let begin = Instant::now();
        let mut asked = self.state.asked.lock().unwrap();
        while !asked.iter().any(&wanted) {
            assert!(begin.elapsed() < Duration::from_mins(1), "{asked:?}");
            (asked, _) =
                self.state.changed.wait_timeout(asked, Duration::from_millis(100)).unwrap();
        }
    }

    /// Lets pass what waits, and what comes.
    pub fn release(&self) {
        *self.state.free.lock().unwrap() = true;
        self.state.changed.notify_all();
    }
}

fn serve(
    client: &TcpStream,
    server: &str,
    fate: &dyn Fn(&Asked, usize) -> Fate,
    state: &State,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut head = Vec::new();
    let mut length = 0;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line).to_lowercase();
        if let Some(value) = text.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == b"\r\n" {
            break;
        }
        // One request a connection, so that its answer ends with it. Who comes with
        // a token of Google's is nobody to a server of S3.
        if !text.starts_with("connection:") && !text.starts_with("authorization: bearer") {
            head.extend(line);
        }
    }
    let first = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    let mut words = first.split(' ').map(str::to_owned);
    let asked = Asked {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
    };
    let before = {
        let mut all = state.asked.lock().unwrap();
        all.push(asked.clone());
        all.len() - 1
    };
    let fate = fate(&asked, before);
    state.changed.notify_all();
    head.extend(b"Connection: close\r\n\r\n");

    let mut body = vec![0; length];
    match fate {
        Fate::Stalls => {
            // Until the client has had enough.
            std::io::copy(&mut reader, &mut std::io::sink())?;
            return Ok(());
        }
        Fate::Cut => {
            let half = length / 2;
            reader.read_exact(&mut body[..half])?;
            let mut upstream = TcpStream::connect(server)?;
            upstream.write_all(&head)?;
            upstream.write_all(&body[..half])?;
            upstream.shutdown(Shutdown::Both)?;
            return client.shutdown(Shutdown::Both);
        }
        _ => reader.read_exact(&mut body)?,
    }
    match fate {
        Fate::Answered(status, text) => {
            let length = text.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
            );
            let mut client = client;
            return client.write_all(answer.as_bytes());
        }
        Fate::Damaged => {
            if let Some(byte) = body.last_mut() {
                *byte ^= 1;
            }
        }
        Fate::Waits => {
            let mut free = state.free.lock().unwrap();
            while !*free {
                free = state.changed.wait(free).unwrap();
            }
        }
        _ => {}
    }
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(&head)?;
    upstream.write_all(&body)?;
    let mut client = client;
    std::io::copy(&mut upstream, &mut client)?;
    client.shutdown(Shutdown::Both)
}
