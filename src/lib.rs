//! Kubedro runs Kedro projects on Kubernetes.
//!
//! One binary, two uses: on a laptop it turns a Kedro project into a workflow
//! ([`project`], [`config`] → [`plan`] → [`backend`], or [`local`] to run it
//! here); in a pod it runs one step of that workflow ([`step`]). The two sides
//! share one type, [`step::StepCommand`], and nothing else.
//!
//! Dependencies point one way: `cli` knows every other room, `plan` knows no
//! backend, `step` knows no compiler.

pub mod backend;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod copy;
pub mod diagnostic;
pub mod duration;
pub mod env_vars;
pub mod error;
pub mod exit;
pub mod files;
pub mod http;
pub mod init;
pub mod local;
pub mod names;
pub mod notify;
pub mod plan;
pub mod project;
pub mod step;
pub mod store;
pub mod supervise;
pub mod telemetry;
