//! Tests that run the real program on real Kedro projects, a file a feature.
//!
//! `scripts/test` makes the environments that they need.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]
// Tests are read by name.
#![allow(missing_docs)]

mod argv;
mod artifacts;
mod compile;
mod completions;
mod config;
mod copy;
mod copy_root;
mod delete_pipeline_volume;
mod differential;
mod exec;
mod export;
mod findings;
mod graph;
mod identity;
mod init;
mod interpolation;
mod kubernetes;
mod lean;
mod load_versions;
mod local_run;
mod local_run_failures;
mod on_exit;
mod parameters;
mod project_errors;
mod proxy;
mod run_kedro;
mod schema;
mod server;
mod servers;
mod steps;
mod supervise_end;
mod supervise_message;
mod supervise_root;
mod supervise_signals;
mod supervise_terminal;
mod support;
mod trees;
