//! What Kedro says of a project: where it is, which Python is its own, and the
//! answer of a small Python program that runs there ([`Snapshot`]).
//!
//! Knows nothing of `kubeflow.yaml` and of Kubernetes.

mod error;
mod locate;
mod probe;
mod python;
mod snapshot;

pub use error::{Error, Frame};
pub use locate::find_root;
pub use probe::{Assignment, Interpolated, Request, ask};
pub use python::{Interpreter, Origin};
pub use snapshot::{
    CodePlace, Dataset, Interpolation, Node, Parameter, Raised, Rendered, Resolved, Snapshot,
};
