//! One process of a step: started, listened to, ended.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::progress::Progress;
use super::stop::Stop;
use crate::env_vars;
use crate::supervise::{Outcome, die_with_parent};

/// Lines that are shown of a step that failed.
const SHOWN_LINES: usize = 20;

/// Linux takes no single argument of 128 KiB and more (`MAX_ARG_STRLEN`).
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// Time for the last lines of a process that has ended; another process may
/// hold its output open for ever.
const LAST_LINES: Duration = Duration::from_secs(2);

/// A process that shall be run.
#[derive(Debug)]
pub(super) struct Process {
    pub step: String,
    pub program: PathBuf,
    pub argv: Vec<String>,
    pub folder: PathBuf,
    pub env: Vec<(String, String)>,
    pub log: PathBuf,
    pub grace: Duration,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct End {
    pub reason: Option<String>,
    pub last_lines: Vec<String>,
}

struct Sink {
    log: File,
    last: VecDeque<String>,
}

impl Process {
    /// Runs to the end.
    pub async fn run(&self, mut stop: Stop, progress: Arc<Progress>) -> End {
        match self.attempt(&mut stop, progress).await {
            Ok(end) => end,
            Err(error) => {
                End { reason: Some(format!("cannot run: {error}")), last_lines: Vec::new() }
            }
        }
    }

    async fn attempt(&self, stop: &mut Stop, progress: Arc<Progress>) -> io::Result<End> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let sink = Arc::new(Mutex::new(Sink { log, last: VecDeque::new() }));
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments()?)
            .current_dir(&self.folder)
            .env_remove(env_vars::ARGO_DEADLINE)
            .env_remove(env_vars::ARGO_PROGRESS_FILE)
            .env_remove(env_vars::KUBEDRO_TERMINATION_LOG)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        die_with_parent(&mut command);
        let mut child = tokio::process::Command::from(command).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let signal = |number| {
            if let Some(group) = group {
                // ESRCH: it has ended in the meantime.
                let _ = killpg(group, number);
            }
        };
        let stdout = child.stdout.take().map(|pipe| self.listen(pipe, &sink, &progress));
        let stderr = child.stderr.take().map(|pipe| self.listen(pipe, &sink, &progress));

        let mut kill_at = None;
        let mut told = 0;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                times = stop.more_than(told), if told < 2 => {
                    told = times;
                    if told == 1 {
                        signal(Signal::SIGTERM);
                        // The step itself kills its child after the grace period.
                        let longest = self.grace + Duration::from_secs(2);
                        kill_at = Some(tokio::time::Instant::now() + longest);
                    } else {
                        signal(Signal::SIGKILL);
                    }
                }
                () = until(kill_at) => {
                    signal(Signal::SIGKILL);
                    kill_at = None;
                }
            }
        };
        for listener in [stdout, stderr].into_iter().flatten() {
            let aborter = listener.abort_handle();
            if tokio::time::timeout(LAST_LINES, listener).await.is_err() {
                aborter.abort();
            }
        }
        let last_lines =
            sink.lock().map(|sink| sink.last.iter().cloned().collect()).unwrap_or_default();
        Ok(End { reason: reason(Outcome::of(status)), last_lines })
    }

    /// The argv, with what is too long for the kernel in a file, as Argo's
    /// executor does it: `@FILE` in the place of the element.
    fn arguments(&self) -> io::Result<Vec<String>> {
        let mut arguments = self.argv.clone();
        for (at, argument) in arguments.iter_mut().enumerate() {
            if argument.len() >= LONGEST_ARGUMENT {
                let file = self.log.with_extension(format!("argument-{at}"));
                std::fs::write(&file, &*argument)?;
                *argument = format!("@{}", file.display());
            }
        }
        Ok(arguments)
    }

    fn listen<R>(
        &self,
        pipe: R,
        sink: &Arc<Mutex<Sink>>,
        progress: &Arc<Progress>,
    ) -> tokio::task::JoinHandle<()>
    where
        R: AsyncRead + Unpin + Send + 'static,
    {
        let (sink, progress, step) = (sink.clone(), progress.clone(), self.step.clone());
        tokio::spawn(async move {
            let mut reader = BufReader::new(pipe);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end_matches(['\n', '\r']);
                progress.printed(&step, text);
                if let Ok(mut sink) = sink.lock() {
                    // A full disk loses lines of the log, not the run.
                    let _ = sink.log.write_all(&line);
                    if !text.trim().is_empty() {
                        if sink.last.len() == SHOWN_LINES {
                            sink.last.pop_front();
                        }
                        sink.last.push_back(text.to_owned());
                    }
                }
                line.clear();
            }
        })
    }
}

/// Waits for the moment; without one, for ever.
async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Why it is a failure, in Argo's words; nothing for a success.
fn reason(outcome: Outcome) -> Option<String> {
    (outcome != Outcome::SUCCESS).then(|| format!("Error ({outcome})"))
}
