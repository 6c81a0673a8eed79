//! Signals as numbers and as names. Knows nothing of how they are delivered.

use std::fmt;
use std::str::FromStr;

use crate::names;

/// A signal of Linux: 1 to 64, the real-time ones too, which the usual types
/// leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(u8);

/// The names of 1 to 31, in this order, as on every architecture that Kubedro
/// is built for.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The first real-time signal for users: libc keeps 32 and 33 for itself.
const RTMIN: u8 = 34;
const RTMAX: u8 = 64;

impl Signal {
    /// The terminal has gone.
    pub const HUP: Self = Self(1);
    /// Ctrl-C.
    pub const INT: Self = Self(2);
    /// Ctrl-\.
    pub const QUIT: Self = Self(3);
    /// The end that cannot be refused.
    pub const KILL: Self = Self(9);
    /// How Kubernetes asks a container to end.
    pub const TERM: Self = Self(15);
    /// A child has ended, stopped or gone on.
    pub const CHILD: Self = Self(17);
    /// Go on after a stop.
    pub const CONT: Self = Self(18);
    /// A process in the background wanted to read from the terminal.
    pub const TTIN: Self = Self(21);
    /// The same, to write to it.
    pub const TTOU: Self = Self(22);
    /// The stop that cannot be refused.
    pub const STOP: Self = Self(19);

    /// The signal of a number, if there is one.
    pub fn of_number(number: i32) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| (1..=RTMAX).contains(number)).map(Self)
    }

    /// Its number.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// Whether a process can keep it from having its effect.
    fn can_be_caught(self) -> bool {
        self != Self::KILL && self != Self::STOP
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (NAMES.get(usize::from(self.0) - 1), self.0) {
            (Some(name), _) => write!(formatter, "SIG{name}"),
            (None, RTMIN) => write!(formatter, "SIGRTMIN"),
            (None, number) if number > RTMIN => write!(formatter, "SIGRTMIN+{}", number - RTMIN),
            (None, number) => write!(formatter, "SIG{number}"),
        }
    }
}

impl FromStr for Signal {
    type Err = String;

    /// A name with or without `SIG`, or a number.
    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.trim().to_ascii_uppercase();
        if let Ok(number) = upper.parse::<i32>() {
            return Self::of_number(number)
                .ok_or_else(|| format!("{number} is no signal: they have the numbers 1 to 64"));
        }
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let by_name = NAMES.iter().position(|known| *known == name).and_then(|at| {
            let at = i32::try_from(at).ok()?;
            Self::of_number(at + 1)
        });
        let real_time = || {
            let (base, rest) = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
                (Some(rest), _) => (RTMIN, rest),
                (_, Some(rest)) => (RTMAX, rest),
                _ => return None,
            };
            let offset = if rest.is_empty() { 0 } else { rest.parse::<i32>().ok()? };
            let number = i32::from(base).checked_add(offset)?;
            Self::of_number(number).filter(|signal| signal.0 >= RTMIN)
        };
        by_name.or_else(real_time).ok_or_else(|| {
            let near = names::did_you_mean(name, NAMES.into_iter().chain(["RTMIN", "RTMAX"]));
            format!("there is no signal `{}`.{near}", text.trim())
        })
    }
}

/// `FROM:TO`: what is sent to the child in place of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrite {
    /// What comes.
    pub from: Signal,
    /// What is sent.
    pub to: Signal,
}

impl FromStr for Rewrite {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text
            .split_once(':')
            .ok_or_else(|| "this is not FROM:TO, such as TERM:INT".to_owned())?;
        let from: Signal = from.parse()?;
        if !from.can_be_caught() {
            return Err(format!("{from} cannot be caught, so it cannot be rewritten"));
        }
        Ok(Self { from, to: to.parse()? })
    }
}

/// What is sent for a signal that came. The last rule for it counts.
pub(super) fn rewritten(rules: &[Rewrite], came: Signal) -> Signal {
    rules.iter().rev().find(|rule| rule.from == came).map_or(came, |rule| rule.to)
}

#[cfg(test)]
mod tests {
    use super::{NAMES, Rewrite, Signal, rewritten};

    #[test]
    fn names_are_libcs() {
        for (at, name) in NAMES.iter().enumerate() {
            let number = i32::try_from(at).unwrap() + 1;
            let known = nix::sys::signal::Signal::try_from(number).unwrap();
            assert_eq!(known.as_str(), format!("SIG{name}"));
        }
    }

    #[test]
    fn every_signal_is_read_as_it_is_written() {
        for number in 1..=64 {
            let signal = Signal::of_number(number).unwrap();
            assert_eq!(number.to_string().parse(), Ok(signal));
            if !matches!(number, 32 | 33) {
                assert_eq!(signal.to_string().parse(), Ok(signal));
                assert_eq!(signal.to_string()[3..].to_lowercase().parse(), Ok(signal));
            }
        }
        assert_eq!("RTMAX-2".parse(), Ok(Signal(62)));
        assert_eq!("SIGRTMAX".parse(), Ok(Signal(64)));
    }

    #[test]
    fn what_is_no_signal_is_told_with_the_nearest_one() {
        let said = "SIGTREM".parse::<Signal>().unwrap_err();
        assert_eq!(said, "there is no signal `SIGTREM`. Did you mean `TERM`?");
        for wrong in ["", "0", "65", "-1", "SIG", "RTMIN+40", "RTMAX+1", "RTMIN-1", "999999999999"]
        {
            assert!(wrong.parse::<Signal>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_last_rule_counts() {
        let rules: Vec<Rewrite> =
            ["TERM:INT", "HUP:10", "15:SIGQUIT"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(rewritten(&rules, Signal::TERM), Signal::QUIT);
        assert_eq!(rewritten(&rules, Signal::HUP), Signal(10));
        assert_eq!(rewritten(&rules, Signal::INT), Signal::INT);
        for wrong in ["TERM", "TERM:", ":INT", "KILL:TERM", "STOP:TERM", "TERM:INT:QUIT"] {
            assert!(wrong.parse::<Rewrite>().is_err(), "{wrong:?}");
        }
    }
}
