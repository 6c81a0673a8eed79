//! The command line: one file a command, its arguments and how its result is
//! printed. How the result is made is other rooms' business.

mod compile;
mod completions;
mod delete_pipeline_volume;
mod exec;
mod findings;
mod globals;
mod graph;
mod init;
mod lint;
mod load_versions;
mod output;
mod places;
mod prepare;
mod report;
mod run_local;
mod schema;
mod step;
mod target;
mod wrong_arguments;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::error::Error;
use crate::step::StepCommand;
use crate::{exit, supervise, telemetry};
use globals::Globals;

/// Runs Kedro projects on Kubernetes
///
/// On a laptop or in CI, kubedro asks Kedro for the pipelines and writes a
/// workflow. In the pods of that workflow it runs the steps.
#[derive(Debug, Parser)]
#[command(
    name = "kubedro",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  kubedro compile --image registry.example.com/my-image:1\n  kubedro run-local --pipeline data_processing"
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant)] // there is one in a process
enum Command {
    Init(init::Init),
    Compile(compile::Compile),
    Lint(lint::Lint),
    Graph(graph::Graph),
    RunLocal(run_local::RunLocal),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Exec(exec::Exec),
    Step(step::StepArguments),
    DeletePipelineVolume(delete_pipeline_volume::DeletePipelineVolume),
}

/// Parses the arguments, runs the command, and reports its end.
pub fn main() -> ExitCode {
    // Before anything else: as the first process of a container this one would
    // otherwise lose what comes before it is ready.
    let signals = supervise::block_signals();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_arguments::report(error),
    };
    telemetry::start(cli.globals.verbosity());
    let in_pod = matches!(cli.command, Command::Exec(_) | Command::Step(_));
    match &cli.command {
        Command::Step(step) if matches!(step.command, StepCommand::VolumeInit(_)) => {
            signals.end_at_once();
        }
        Command::Exec(_) | Command::Step(_) => {}
        _ => signals.restore(),
    }
    let code = result(&cli).unwrap_or_else(|error| {
        report::error(&error, &cli.globals);
        let code = exit::code(&error);
        if in_pod {
            supervise::tell_failure(code, &error.to_string());
        }
        code
    });
    ExitCode::from(code)
}

fn result(cli: &Cli) -> Result<u8, Error> {
    match &cli.command {
        Command::Init(command) => command.run(&cli.globals),
        Command::Compile(command) => command.run(&cli.globals),
        Command::Lint(command) => command.run(&cli.globals),
        Command::Graph(command) => command.run(&cli.globals),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(&Cli::command()),
        // Supervisors have one thread and no runtime.
        Command::Exec(command) => command.run(),
        Command::Step(command) => command.run(&cli.globals),
        Command::RunLocal(command) => awaited(command.run(&cli.globals)),
        Command::DeletePipelineVolume(command) => awaited(command.run()),
    }
}

fn awaited(result: impl Future<Output = Result<u8, Error>>) -> Result<u8, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let result = runtime.block_on(result);
    // Threads that still read a pipe must not hold up the exit.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        for command in super::Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has no example", command.get_name());
        }
    }
}
