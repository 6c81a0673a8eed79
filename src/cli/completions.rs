//! `kubedro completions`

use std::path::Path;

use clap::{Args, Command, ValueHint};
use clap_complete::Shell;

use super::output;
use crate::error::Error;

/// Commands that people do not type: workflows do.
const INTERNAL: [&str; 1] = ["step"];

/// Print the completions of a shell
///
/// Each shell reads them from a place of its own; zsh from a folder that its
/// `fpath` names before `compinit` is called.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kubedro completions bash > ~/.local/share/bash-completion/completions/kubedro\n  kubedro completions zsh > ~/.zfunc/_kubedro\n  kubedro completions fish > ~/.config/fish/completions/kubedro.fish\n  kubedro completions elvish >> ~/.config/elvish/rc.elv\n  kubedro completions powershell >> $PROFILE"
)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub fn run(&self, command: &Command) -> Result<u8, Error> {
        let mut command = for_people(command);
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        output::write(Path::new("-"), &script)?;
        Ok(0)
    }
}

/// The command line without what is internal, and with hints at what kind of
/// path an option takes.
fn for_people(command: &Command) -> Command {
    let kept: Vec<Command> = command
        .get_subcommands()
        .filter(|command| !INTERNAL.contains(&command.get_name()))
        .cloned()
        .collect();
    Command::new("kubedro")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(command.get_arguments().cloned())
        .subcommands(kept)
        .mut_arg("project", |argument| argument.value_hint(ValueHint::DirPath))
        .mut_arg("python", |argument| argument.value_hint(ValueHint::ExecutablePath))
}
