//! Tells people and programs how a run has ended: what a message is, how it is
//! made, and how it is sent.
//!
//! Knows nothing of steps, pods and workflows: it is handed a [`RunReport`].

mod delivery;
mod notification;
mod report;
mod request;
mod slack;
mod template;

pub use delivery::{Deliveries, Delivery, Surroundings, deliver};
pub use notification::{Channel, Method, Notification, RunStatus, SecretKey, Setting};
pub use report::{Failure, RunReport};
pub use request::{is_header_name, is_header_value};
pub use template::{TemplateError, check as check_template};

/// Whether requests can go there.
pub fn is_url(text: &str) -> bool {
    request::is_address(text).is_some()
}
