//! A terminal passes through: a user before a shell notices no difference.

use crate::supervise_signals::python;
use crate::support::stderr;

fn at_a_terminal(scenario: &str) {
    let output = python("terminal.py")
        .args([env!("CARGO_BIN_EXE_kubedro"), scenario])
        .env("KUBEDRO_GRACE_PERIOD", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn keys_sizes_and_job_control_reach_the_child() {
    at_a_terminal("direct");
}

#[test]
fn in_a_pipeline_the_others_keep_the_terminal_too() {
    at_a_terminal("pipeline");
}

#[test]
fn a_pager_beside_it_can_read_from_the_terminal() {
    at_a_terminal("beside");
}

#[test]
fn a_terminal_that_is_not_the_standard_input_passes_through_too() {
    at_a_terminal("redirected");
}

#[test]
fn a_program_that_is_not_there_leaves_the_terminal_to_the_shell() {
    at_a_terminal("not_found");
}

#[test]
fn what_a_child_leaves_in_the_background_stays() {
    at_a_terminal("left_behind");
}

#[test]
fn when_the_terminal_goes_the_child_ends_in_its_grace_period() {
    at_a_terminal("hung_up");
}
