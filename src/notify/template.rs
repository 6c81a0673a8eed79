//! The body of a webhook, from a template in Jinja's language.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::report::RunReport;
use crate::names::did_you_mean;

/// The names that a template may use.
const NAMES: [&str; 11] = [
    "status",
    "run_id",
    "run_name",
    "project",
    "pipeline",
    "started",
    "finished",
    "duration",
    "duration_seconds",
    "failed_steps",
    "failures",
];

/// What errors call the template.
const NAME: &str = "body";

#[derive(Serialize)]
struct Names<'a> {
    #[serde(flatten)]
    report: &'a RunReport,
    duration: Option<f64>,
}

/// The template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line} of the template: ")).unwrap_or_default())]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// Where in the template, from 1.
    pub line: Option<usize>,
}

/// Whether the template can be used: by its words, and by making the bodies of
/// a run that has succeeded and of one that has not.
pub fn check(text: &str) -> Result<(), TemplateError> {
    let environment = environment();
    let template = environment.template_from_named_str(NAME, text).map_err(failed)?;
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !NAMES.contains(&name.as_str()) && !is_function(&environment, name))
        .collect();
    unknown.sort();
    if let Some(name) = unknown.first() {
        let near = did_you_mean(name, NAMES);
        let help = if near.is_empty() { format!(" There are {}", NAMES.join(", ")) } else { near };
        let message = format!("there is no `{name}`.{help}");
        return Err(TemplateError { message, line: line_of(text, name) });
    }
    for status in ["Failed", "Succeeded"] {
        render(text, &RunReport::example(status))?;
    }
    Ok(())
}

/// The body for a run.
pub(super) fn render(text: &str, report: &RunReport) -> Result<String, TemplateError> {
    let environment = environment();
    let names = Names { report, duration: report.duration_seconds };
    environment
        .template_from_named_str(NAME, text)
        .and_then(|template| template.render(Serde(names)))
        .map_err(failed)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // The body is not HTML; `tojson` is there for JSON.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment
}

fn is_function(environment: &Environment<'_>, name: &str) -> bool {
    environment.globals().any(|(global, _)| global == name)
}

#[allow(clippy::needless_pass_by_value)] // as `map_err` hands it
fn failed(error: minijinja::Error) -> TemplateError {
    let kind = error.kind().to_string();
    let message = match error.detail() {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind,
    };
    TemplateError { message, line: error.line() }
}

/// The first line that has the word.
fn line_of(text: &str, word: &str) -> Option<usize> {
    text.lines().position(|line| line.contains(word)).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::report::RunReport;
    use super::{check, render};

    #[test]
    fn templates_that_are_right() {
        for text in [
            "",
            "{{ status }} of {{ run_name }} after {{ duration|round }} s",
            "{% for failure in failures %}{{ failure.step }}: {{ failure.message|tojson }}\n{% endfor %}",
            r#"{"text": {{ (project ~ " " ~ status)|tojson }}, "steps": {{ failed_steps|tojson }}}"#,
            "{% if failures %}{{ failures[0].exit_code }}{% else %}well{% endif %}",
            "{% for at in range(2) %}{{ at }}{% endfor %}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn templates_that_are_not() {
        for (text, said) in [
            ("{{ status", "line 1 of the template: syntax error"),
            (
                "ok\n{{ statu }}",
                "line 2 of the template: there is no `statu`. Did you mean `status`?",
            ),
            ("{{ environment }}", "there is no `environment`. There are status, run_id"),
            ("{{ status|no_filter }}", "unknown filter"),
            ("{{ failures[0].step }}", "undefined value"),
            ("{% for f in failures %}{{ f.stepp }}{% endfor %}", "undefined value"),
            ("{% include 'x' %}", "line 1 of the template"),
        ] {
            let found = check(text).unwrap_err().to_string();
            assert!(found.contains(said), "{text}: {found}");
        }
    }

    #[test]
    fn nothing_is_escaped_for_html() {
        let mut report = RunReport::example("Failed");
        report.run_name = "<a> & \"b\"\n".to_owned();
        assert_eq!(render("{{ run_name }}", &report).unwrap(), "<a> & \"b\"\n");
        let json: serde_json::Value =
            serde_json::from_str(&render("{{ run_name|tojson }}", &report).unwrap()).unwrap();
        assert_eq!(json, "<a> & \"b\"\n");
    }
}
