//! `kubedro completions`: each shell takes what is printed, and offers what
//! people type.

use std::process::Command;

use crate::support::{kubedro, stderr, stdout};

fn script(shell: &str) -> String {
    let output = kubedro(&["completions", shell]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    stdout(&output)
}

/// What bash offers behind these words.
fn offered_by_bash(script: &str, words: &[&str]) -> Vec<String> {
    let program = format!(
        "{script}\nCOMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))\n_kubedro kubedro \"${{!#}}\" \"${{@:$#-1:1}}\"\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["-c", &program, "bash"]).args(words).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
    stdout(&output).lines().map(str::to_owned).collect()
}

#[test]
fn bash_offers_commands_options_and_values() {
    let script = script("bash");
    let commands = offered_by_bash(&script, &["kubedro", ""]);
    for command in ["init", "compile", "graph", "run-local", "exec", "completions"] {
        assert!(commands.iter().any(|offered| offered == command), "{command}: {commands:?}");
    }
    assert!(!commands.iter().any(|offered| offered == "step"), "what workflows call: {commands:?}");
    assert_eq!(offered_by_bash(&script, &["kubedro", "comp"]), ["compile", "completions"]);
    assert_eq!(
        offered_by_bash(&script, &["kubedro", "graph", "--format", ""]),
        ["text", "mermaid", "dot"]
    );
    let options = offered_by_bash(&script, &["kubedro", "init", "--f"]);
    assert_eq!(options, ["--force"]);
}

#[test]
fn every_shell_takes_its_own() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = script(shell);
        assert!(script.contains("run-local"), "{shell}");
        assert!(!script.contains("volume-init"), "{shell} has what is internal");
        // Those that are on this machine also say whether they can read it.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        std::fs::write(&file, &script).unwrap();
        if ["bash", "fish", "zsh"].contains(&shell)
            && let Ok(output) = Command::new(shell).arg("-n").arg(&file).output()
        {
            assert!(output.status.success(), "{shell}: {}", stderr(&output));
        }
    }
}

#[test]
fn another_shell_is_told_which_there_are() {
    let output = kubedro(&["completions", "ksh"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("bash, elvish, fish, powershell, zsh"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = kubedro(&["completions", "bash"]).stdout(writer).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
}
