//! Which step runs when: as an Argo graph, each as soon as all that it needs
//! have succeeded; after a failure nothing new starts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::process::{End, Process};
use super::progress::Progress;
use super::stop::{Stop, Told};
use super::summary::{State, StepReport, Summary};
use super::values::Values;
use super::view::Views;
use super::{Error, Options, failures, io_error};
use crate::config::RetryPolicy;
use crate::plan::{Plan, Step};
use crate::step::{Form, RunValue, StepCommand, remarks};
use crate::{duration, env_vars};

/// How the file beside the exit handler's log ends, in which it says what became
/// of its parts.
const RESULTS: &str = "json";

pub(super) struct Scheduler<'a> {
    plan: &'a Plan,
    options: &'a Options<'a>,
    values: Values,
    views: Views,
    progress: Arc<Progress>,
}

impl<'a> Scheduler<'a> {
    pub fn new(plan: &'a Plan, options: &'a Options<'a>, values: Values, views: Views) -> Self {
        let total = plan.steps.len() + usize::from(plan.on_exit.is_some());
        let progress = Arc::new(Progress::new(total, options.verbose, options.quiet));
        Self { plan, options, values, views, progress }
    }

    pub async fn run(mut self) -> Result<Summary, Error> {
        let program = std::env::current_exe().map_err(io_error("find", "kubedro".as_ref()))?;
        let begin = Instant::now();
        let stop = Stop::new(watch_signals(self.progress.clone())?);

        let mut reports = self.run_graph(&program, &stop).await?;
        let good = reports.iter().all(|report| report.state == State::Succeeded);
        self.values.status = String::from(if good { "Succeeded" } else { "Failed" });
        self.values.failures = failures::encoded(&reports);
        self.values.duration = format!("{:.6}", begin.elapsed().as_secs_f64());

        if let Some(step) = &self.plan.on_exit {
            let mut report = self.start(step, &program, stop.counted_anew()).await;
            report.remarks = remarks(&self.views.log_of(step).with_extension(RESULTS));
            reports.push(report);
        }
        self.progress.finished();
        let summary = Summary {
            steps: reports,
            duration: begin.elapsed(),
            save_version: self.values.save_version().to_owned(),
            outputs: self.views.outputs(self.plan),
            logs: self.views.logs(),
            stopped_by: stop.first(),
        };
        if summary.succeeded()
            && !self.options.keep
            && let Err(error) = self.views.reduce_to_outputs()
        {
            tracing::warn!("the work folder is not tidy: {error}");
        }
        Ok(summary)
    }

    async fn run_graph(&self, program: &Path, stop: &Stop) -> Result<Vec<StepReport>, Error> {
        let mut waiting: BTreeMap<&str, (&Step, BTreeSet<&str>)> = self
            .plan
            .steps
            .iter()
            .map(|step| {
                (step.name.as_str(), (step, step.needs.iter().map(String::as_str).collect()))
            })
            .collect();
        let mut done: BTreeMap<String, StepReport> = BTreeMap::new();
        let mut running: JoinSet<StepReport> = JoinSet::new();
        let mut failed = false;
        loop {
            let halted = failed || stop.times() > 0;
            // In the plan's order, so that one job at a time is a stable order.
            for step in &self.plan.steps {
                let name = step.name.as_str();
                let ready = waiting.get(name).is_some_and(|(_, needs)| needs.is_empty());
                if halted || !ready || running.len() >= self.options.jobs.get() {
                    continue;
                }
                waiting.remove(name);
                running.spawn(self.start(step, program, stop.clone()));
            }
            let Some(ended) = running.join_next().await else { break };
            let report = ended.map_err(|error| {
                io_error("wait for", "a step".as_ref())(std::io::Error::other(error))
            })?;
            if report.state == State::Succeeded {
                for (_, needs) in waiting.values_mut() {
                    needs.remove(report.name.as_str());
                }
            } else {
                failed = true;
            }
            done.insert(report.name.clone(), report);
        }
        Ok(self
            .plan
            .steps
            .iter()
            .map(|step| {
                done.remove(&step.name).unwrap_or_else(|| StepReport {
                    name: step.name.clone(),
                    state: State::NotRun,
                    duration: Duration::ZERO,
                    tries: 0,
                    remarks: Vec::new(),
                })
            })
            .collect())
    }

    /// The whole life of a step, to be awaited.
    fn start(
        &self,
        step: &Step,
        program: &Path,
        told: Stop,
    ) -> impl Future<Output = StepReport> + use<> {
        attempts(self.process(step, program), step.retry.clone(), told, self.progress.clone())
    }

    /// The very argv of the step's pod, with the run's values in it.
    fn process(&self, step: &Step, program: &Path) -> Process {
        let value = |value: &RunValue| self.values.text(value);
        // Nothing is left to be put in when all values are.
        let nothing = |_: &RunValue, _: Form| String::new();
        let mut env: Vec<(String, String)> = step
            .env
            .iter()
            .map(|(name, text)| (name.clone(), text.resolved(&value).text().to_owned()))
            .collect();
        env.push((env_vars::KUBEDRO_LOCAL.to_owned(), "1".to_owned()));
        env.push((
            env_vars::KUBEDRO_PYTHON.to_owned(),
            self.options.python.to_string_lossy().into_owned(),
        ));
        env.push((
            env_vars::KUBEDRO_GRACE_PERIOD.to_owned(),
            self.options.grace.as_secs().to_string(),
        ));
        env.push((
            env_vars::KUBEDRO_OUTPUTS.to_owned(),
            self.views.step_outputs().join(&step.name).to_string_lossy().into_owned(),
        ));
        if matches!(step.command, StepCommand::OnExit(_)) {
            let results = self.views.log_of(step).with_extension(RESULTS);
            env.push((
                env_vars::KUBEDRO_ON_EXIT_RESULTS.to_owned(),
                results.to_string_lossy().into_owned(),
            ));
        }
        let command = step.command.resolved(&value).with_store(&self.views.store());
        let folder = self.views.of(step);
        // A shell would set it; the caller's own leads into the real project.
        env.push((env_vars::PWD.to_owned(), folder.to_string_lossy().into_owned()));
        Process {
            step: step.name.clone(),
            program: program.to_path_buf(),
            argv: command.to_argv(&nothing),
            folder,
            env,
            log: self.views.log_of(step),
            grace: self.options.grace,
        }
    }
}

/// Runs a step, again after a pause where its policy says so.
async fn attempts(
    process: Process,
    retry: Option<RetryPolicy>,
    mut stop: Stop,
    progress: Arc<Progress>,
) -> StepReport {
    let begin = Instant::now();
    let most = retry.as_ref().map_or(1, |policy| policy.num_retries.saturating_add(1));
    let mut pause = retry
        .as_ref()
        .and_then(|policy| duration::parse(&policy.backoff_duration))
        .unwrap_or_default();
    let factor = retry.as_ref().map_or(1, |policy| policy.backoff_factor);
    let mut tries = 0;
    let state = loop {
        tries += 1;
        progress.started(&process.step, tries);
        let End { reason, last_lines } = process.run(stop.clone(), progress.clone()).await;
        let Some(reason) = reason else { break State::Succeeded };
        if stop.times() > 0 {
            break State::Stopped;
        }
        if tries >= most {
            break State::Failed { reason, last_lines };
        }
        progress.retrying(&process.step, &reason, pause);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.more_than(0) => break State::Stopped,
        }
        pause = pause.saturating_mul(factor);
    };
    let report = StepReport {
        name: process.step.clone(),
        state,
        duration: begin.elapsed(),
        tries,
        remarks: Vec::new(),
    };
    progress.ended(&report);
    report
}

/// Counts the signals that ask for an end, and remembers the first.
fn watch_signals(progress: Arc<Progress>) -> Result<watch::Receiver<Told>, Error> {
    let (sender, told) = watch::channel(Told::default());
    let failed = || io_error("listen for", "signals".as_ref());
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed())?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed())?;
    tokio::spawn(async move {
        loop {
            let kind = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
                _ = hangup.recv() => SignalKind::hangup(),
            };
            sender.send_modify(|told| {
                told.times += 1;
                told.first.get_or_insert(kind.as_raw_value());
            });
            let said = if sender.borrow().times == 1 {
                "stopping: running steps are told to end, then the exit handler runs (again to kill)"
            } else {
                "killing what still runs"
            };
            progress.line(said);
        }
    });
    Ok(told)
}
