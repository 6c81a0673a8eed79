//! The version under which a run saves, in the one form that sorts.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-01-31T12.00.00Z-<rest>` for `2026-01-31T13:00:00+01:00-<rest>`, which
/// is what Argo makes of the time and the uid of a workflow. Other texts are
/// versions already.
pub(super) fn normalised(text: &str) -> String {
    split(text).map_or_else(
        || text.to_owned(),
        |(time, rest)| {
            let utc = time.to_zoned(TimeZone::UTC);
            format!("{}Z{rest}", utc.strftime("%Y-%m-%dT%H.%M.%S"))
        },
    )
}

/// A time as Go's `time.RFC3339` writes it, and what follows it.
fn split(text: &str) -> Option<(Timestamp, &str)> {
    const DATE_AND_TIME: usize = "2026-01-31T12:00:00".len();
    let zone = match text.as_bytes().get(DATE_AND_TIME)? {
        b'Z' => 1,
        b'+' | b'-' => "+01:00".len(),
        _ => return None,
    };
    let (time, rest) = text.split_at_checked(DATE_AND_TIME + zone)?;
    Some((time.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn times_become_utc() {
        for (text, version) in [
            ("2026-01-31T12:00:05Z-8f0c", "2026-01-31T12.00.05Z-8f0c"),
            ("2026-01-31T00:30:00+01:00-8f0c", "2026-01-30T23.30.00Z-8f0c"),
            ("2026-12-31T20:00:00-05:30-8f0c", "2027-01-01T01.30.00Z-8f0c"),
            ("2026-01-31T12.00.05Z-8f0c", "2026-01-31T12.00.05Z-8f0c"),
            ("my-version", "my-version"),
            ("", ""),
            ("2026-99-31T12:00:05Z-8f0c", "2026-99-31T12:00:05Z-8f0c"),
            ("2026-01-31T12:00:0é+", "2026-01-31T12:00:0é+"),
        ] {
            assert_eq!(normalised(text), version, "{text}");
        }
    }
}
