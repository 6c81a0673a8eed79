//! How old a cached result may be: an ISO 8601 duration, as Kubeflow Pipelines'
//! cache takes it (`P30D`, `PT1H`, `P0D` for never).

use jiff::Span;
use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error};

use super::lenient;

/// The longest age at which a result of Kubeflow Pipelines' cache is used.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub struct Staleness(#[schemars(regex(pattern = "^P"))] String);

impl Staleness {
    fn read(text: String) -> Result<Self, String> {
        // The library reads "1 hour" too, which Kubeflow does not.
        let valid =
            text.starts_with('P') && text.parse::<Span>().is_ok_and(|span| !span.is_negative());
        if valid {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not an ISO 8601 duration, such as P30D, PT12H or P0D"))
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is ever taken from the cache.
    pub fn is_zero(&self) -> bool {
        self.0.parse::<Span>().is_ok_and(Span::is_zero)
    }
}

/// Empty text is none, as kedro-kubeflow takes it.
pub(super) fn optional<'de, D>(deserializer: D) -> Result<Option<Staleness>, D::Error>
where
    D: Deserializer<'de>,
{
    match lenient::optional_text(deserializer)? {
        Some(text) if !text.is_empty() => Staleness::read(text).map(Some).map_err(D::Error::custom),
        _ => Ok(None),
    }
}

impl<'de> Deserialize<'de> for Staleness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(lenient::text(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Staleness;

    fn read(text: &str) -> Option<Staleness> {
        serde_json::from_value(text.into()).ok()
    }

    #[test]
    fn iso_8601_and_nothing_else() {
        assert!(read("P0D").is_some_and(|staleness| staleness.is_zero()));
        for text in ["P30D", "PT12H", "P1DT6H", "P1W", "PT0.5S"] {
            assert!(read(text).is_some_and(|staleness| !staleness.is_zero()), "{text}");
        }
        for text in ["", "P", "30d", "1 hour", "-P1D", "P1H", "PT"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
