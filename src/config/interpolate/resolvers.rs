//! `${name:argument, …}`: the resolvers that need no Kedro, and what to say of
//! the others.

use std::ops::Range;

use serde_json::Value as Json;

use super::lookup::{select_json, split, with_nearest};
use super::names::RESOLVERS;
use super::syntax::{self, Element, Word};
use super::{Computed, Interpolator, Site, Stop};
use crate::config::tree::Value;
use crate::diagnostic::Code;
use crate::env_vars::KEDRO_CONFIG_PREFIX;
use crate::names::did_you_mean;

impl<'a> Interpolator<'a> {
    pub(super) fn resolver(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        words: &[Word],
        elements: &[Element],
    ) -> Result<Computed<'a>, Stop> {
        let mut name = Vec::new();
        for word in words {
            name.push(self.word(site, word)?);
        }
        let name = name.join(".");
        // A project may have put its own in the place of a usual one.
        let own = self.names.kedro.resolvers.contains(&name);
        if own || !RESOLVERS.contains(&&*name) {
            return Err(Stop::UnknownResolver { name, span: span.clone() });
        }
        let mut arguments = Vec::new();
        for element in elements {
            arguments.push(self.element(site, element)?);
        }
        let mut arguments = arguments.into_iter();
        let (first, default, more) = (arguments.next(), arguments.next(), arguments.next());
        let takes_default = name != "oc.decode";
        let first = match first {
            Some(first) if more.is_none() && (takes_default || default.is_none()) => first,
            _ => {
                let wanted =
                    if takes_default { "a name, and a default if wanted" } else { "one value" };
                let message = format!("`{name}` takes {wanted}");
                return self.say(self.problem(site, span, Code::InvalidValue, message));
            }
        };
        match &*name {
            "oc.env" => self.env(site, span, &first, default),
            "oc.decode" => self.decode(site, span, &first),
            "oc.select" => self.select_or_default(site, span, &first, default),
            "globals" => self.global(site, span, &first, default),
            _ => self.runtime_parameter(site, span, &first, default),
        }
    }

    fn env(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        name: &Computed<'_>,
        default: Option<Computed<'a>>,
    ) -> Result<Computed<'a>, Stop> {
        let name = name.text();
        let environment = self.names.environment;
        // The loader of kedro-kubeflow 0.11.0 sets `commit_id` for KEDRO_CONFIG_COMMIT_ID.
        let value = environment.get(&name).or_else(|| {
            let variable = format!("{KEDRO_CONFIG_PREFIX}{}", name.to_uppercase());
            environment.get(&variable).filter(|_| name == name.to_lowercase())
        });
        let value = match (value, default) {
            (Some(value), _) => Value::Text(value.clone()),
            (None, Some(Computed::Value(Value::Null))) => Value::Null,
            (None, Some(default)) => Value::Text(default.text()),
            (None, None) => {
                let near = did_you_mean(&name, environment.keys().map(String::as_str));
                let message =
                    with_nearest(format!("the environment variable `{name}` is not set"), &near);
                let problem = self
                    .problem(site, span, Code::UndefinedVariable, message)
                    .help(format!("set it, or give a default: ${{oc.env:{name}, default}}"));
                return self.say(problem);
            }
        };
        Ok(Computed::Value(value))
    }

    fn decode(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        text: &Computed<'a>,
    ) -> Result<Computed<'a>, Stop> {
        let text = match text {
            Computed::Value(Value::Null) => return Ok(Computed::Value(Value::Null)),
            Computed::Value(Value::Text(text)) => text,
            _ => {
                let problem = self
                    .problem(site, span, Code::InvalidValue, "`oc.decode` takes text")
                    .label(format!("`{}` is none", text.text()));
                return self.say(problem);
            }
        };
        let inner = Site { text, within: Some(site.within.unwrap_or((site.text, span))), ..site };
        match syntax::parse_element(text) {
            Ok(element) => self.element(inner, &element),
            Err(malformed) => {
                let problem = self
                    .problem(
                        site,
                        span,
                        Code::InvalidValue,
                        format!("`oc.decode` cannot read `{text}`"),
                    )
                    .label(malformed.message);
                self.say(problem)
            }
        }
    }

    fn select_or_default(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        key: &Computed<'_>,
        default: Option<Computed<'a>>,
    ) -> Result<Computed<'a>, Stop> {
        let (dots, keys) = split(&key.text());
        let found = if dots > 0 {
            self.relative(site, span, dots, &keys)?
        } else {
            self.in_document(site, span, &keys)?
        };
        Ok(match found {
            Some(Computed::Value(Value::Text(text))) if text == "???" => None,
            found => found,
        }
        .or(default)
        .unwrap_or(Computed::Value(Value::Null)))
    }

    fn global(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        key: &Computed<'_>,
        default: Option<Computed<'a>>,
    ) -> Result<Computed<'a>, Stop> {
        let key = key.text();
        if key.starts_with('_') {
            let problem = self
                .problem(site, span, Code::UndefinedVariable, format!("`{key}` is no global"))
                .help("Kedro keeps globals that begin with `_` to their own file");
            return self.say(problem);
        }
        let globals = &self.names.kedro.globals;
        let (_, keys) = split(&key);
        if let Some(json) = select_json(globals, &keys) {
            return Ok(placed(site, json));
        }
        if let Some(default) = default {
            return Ok(default);
        }
        let (last, above) =
            keys.split_last().map_or(("", &[][..]), |(last, above)| (&**last, above));
        let near = nearest_key(last, select_json(globals, above));
        let problem = self
            .problem(
                site,
                span,
                Code::UndefinedVariable,
                with_nearest(format!("the project's globals have no `{key}`"), &near),
            )
            .help(format!("add it to globals.yml, or give a default: ${{globals:{key}, default}}"));
        self.say(problem)
    }

    fn runtime_parameter(
        &mut self,
        site: Site<'_>,
        span: &Range<usize>,
        key: &Computed<'_>,
        default: Option<Computed<'a>>,
    ) -> Result<Computed<'a>, Stop> {
        let key = key.text();
        let (_, keys) = split(&key);
        if let Some(json) = select_json(&self.names.kedro.runtime_parameters, &keys) {
            return Ok(placed(site, json));
        }
        if let Some(default) = default {
            return Ok(default);
        }
        let problem = self
            .problem(
                site,
                span,
                Code::UndefinedVariable,
                format!("the parameter `{key}` is not given for this run"),
            )
            .label("a workflow is compiled before its runs and their parameters")
            .help(format!(
                "give a default: ${{runtime_params:{key}, default}}; \
                 or use ${{oc.env:…}}, which is read when the workflow is compiled"
            ));
        self.say(problem)
    }

    pub(super) fn unknown_resolver<T>(
        &mut self,
        site: Site<'_>,
        name: &str,
        span: &Range<usize>,
    ) -> Result<T, Stop> {
        let known: Vec<&str> = RESOLVERS
            .into_iter()
            .chain(self.names.kedro.resolvers.iter().map(String::as_str))
            .collect();
        let near = did_you_mean(name, known.iter().copied());
        let problem = self
            .problem(
                site,
                span,
                Code::UndefinedVariable,
                with_nearest(format!("the resolver `{name}` is not known"), &near),
            )
            .help(format!(
                "known are {}; others are those that the project registers, as custom_resolvers in CONFIG_LOADER_ARGS of its settings.py",
                known.join(", ")
            ));
        self.say(problem)
    }
}

/// What came from Kedro stands where it is asked for.
pub(super) fn placed<'a>(site: Site<'_>, json: &Json) -> Computed<'a> {
    Computed::Value(Value::from_json(json, site.node.source, &site.node.span))
}

fn nearest_key(name: &str, section: Option<&Json>) -> String {
    match section {
        Some(Json::Object(entries)) => did_you_mean(name, entries.keys().map(String::as_str)),
        _ => String::new(),
    }
}
