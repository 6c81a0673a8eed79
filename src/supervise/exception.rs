//! The exception that ended a Python program, from what it printed.

const HEADING: &str = "Traceback (most recent call last):";

/// The line `Type: message` of the last traceback. Of a chain of exceptions
/// it is the last one that reached the top.
pub(super) fn last(text: &str) -> Option<&str> {
    let (_, after) = text.rsplit_once(HEADING)?;
    after
        .lines()
        .skip(1)
        .find(|line| !line.starts_with([' ', '\t']) && !line.trim().is_empty())
        .map(str::trim_end)
}

#[cfg(test)]
mod tests {
    use super::last;

    #[test]
    fn it_is_the_last_line_of_the_last_traceback() {
        let text = "log\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    1 / 0\n    ~~^~~\nZeroDivisionError: division by zero\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n\n    raise ValueError('a\\nb')\nValueError: a\nb\nmore log\n";
        assert_eq!(last(text), Some("ValueError: a"));
        assert_eq!(last("no traceback\nValueError: no\n"), None);
        assert_eq!(last("Traceback (most recent call last):\n  File \"cut"), None);
        assert_eq!(last("Traceback (most recent call last):"), None);
    }
}
