// SPDX-License-Identifier: MIT
//! Command lines, messages and signals.

use std::ffi::OsString;
use std::fmt::Display;
use std::process::exit;

use acap::Format;

/// The exit status of a failure.
pub const FAILED: i32 = 1;
/// The exit status of a command line that makes no sense.
pub const USAGE: i32 = 2;

/// A program as its command line sees it.
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// What `--help` prints: the usage line, and what it means.
    pub help: &'static str,
}

impl Program {
    /// Writes a message to standard error.
    pub fn say(&self, text: impl Display) {
        eprintln!("{}: {text}", self.name);
    }

    /// Ends the program because of its command line.
    pub fn refuse(&self, text: impl Display) -> ! {
        self.say(text);
        eprintln!("{}", self.help.lines().next().unwrap_or_default());
        exit(USAGE)
    }

    /// The arguments of this process.
    #[must_use]
    pub fn arguments(&'static self) -> Arguments {
        Arguments {
            program: self,
            words: std::env::args_os().skip(1).collect::<Vec<_>>().into_iter(),
            attached: None,
            is_over: false,
        }
    }
}

/// An option, or what is none.
pub enum Argument {
    /// `-d` or `--device`, by its long name.
    Option(&'static str),
    /// Anything else.
    Plain(OsString),
}

/// Goes through a command line. `--help` and `--version` it answers itself.
pub struct Arguments {
    program: &'static Program,
    words: std::vec::IntoIter<OsString>,
    /// The value in `--device=value` or `-dvalue`.
    attached: Option<OsString>,
    is_over: bool,
}

impl Arguments {
    /// The next argument; `known` are the options, short and long.
    pub fn next(&mut self, known: &[(char, &'static str)]) -> Option<Argument> {
        if let Some(value) = self.attached.take() {
            self.program.refuse(format_args!(
                "\"{}\" is one value too many",
                value.to_string_lossy()
            ));
        }
        let word = self.words.next()?;
        let text = word.to_str().unwrap_or_default();
        if self.is_over || !text.starts_with('-') || text == "-" {
            return Some(Argument::Plain(word));
        }
        if text == "--" {
            self.is_over = true;
            return self.next(known);
        }
        let (found, value) = find_option(text, known);
        match found {
            Some("help") => {
                println!("{}", self.program.help);
                exit(0)
            }
            Some("version") => {
                println!("{} with acap {}", self.program.name, acap::version_string());
                exit(0)
            }
            Some(name) => {
                self.attached = value.map(Into::into);
                Some(Argument::Option(name))
            }
            None => self
                .program
                .refuse(format_args!("there is no option {text}")),
        }
    }

    /// The value of the option that came last.
    pub fn value(&mut self, option: &str) -> OsString {
        match self.attached.take().or_else(|| self.words.next()) {
            Some(value) => value,
            None => self
                .program
                .refuse(format_args!("--{option} needs a value")),
        }
    }

    /// The same as what it means.
    pub fn parsed<T>(&mut self, option: &str, parse: fn(&str) -> Result<T, String>) -> T {
        let value = self.value(option);
        match parse(&value.to_string_lossy()) {
            Ok(meaning) => meaning,
            Err(text) => self.program.refuse(text),
        }
    }
}

fn find_option<'a>(
    text: &'a str,
    known: &[(char, &'static str)],
) -> (Option<&'static str>, Option<&'a str>) {
    const ALWAYS: [(char, &str); 2] = [('h', "help"), ('V', "version")];
    let all = || known.iter().chain(&ALWAYS);
    if let Some(long) = text.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        return (
            all().find(|(_, long)| *long == name).map(|(_, long)| *long),
            value,
        );
    }
    let mut letters = text.trim_start_matches('-').chars();
    let letter = letters.next();
    let rest = letters.as_str();
    let found = all()
        .find(|(short, _)| Some(*short) == letter)
        .map(|(_, long)| *long);
    (found, Some(rest).filter(|rest| !rest.is_empty()))
}

/// The name of a sample format.
///
/// # Errors
///
/// It is none.
pub fn parse_format(text: &str) -> Result<Format, String> {
    let found = Format::ALL
        .iter()
        .find(|format| format_name(**format).eq_ignore_ascii_case(text));
    found
        .copied()
        .ok_or_else(|| format!("{text} is no format; s16, s24, s32, f32 and u8 are"))
}

/// A format's name in small letters.
#[must_use]
pub fn format_name(format: Format) -> String {
    format!("{format:?}").to_lowercase()
}

/// A positive number.
///
/// # Errors
///
/// It is none.
pub fn parse_count(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{text} is no positive number"))
}

/// A length of time.
///
/// # Errors
///
/// It is none.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| *seconds > 0.0 && *seconds <= 1e9);
    seconds.ok_or_else(|| format!("{text} is no time in seconds"))
}

/// A time as frames, to the nearest one.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "parse_seconds has looked"
)]
pub fn frames_in(seconds: f64, sample_rate_hz: u32) -> u64 {
    (seconds * f64::from(sample_rate_hz)).round() as u64
}

/// Lets the first SIGINT or SIGTERM call `end`, in a signal handler; the second one quits at once.
///
/// # Errors
///
/// The system refused.
#[cfg(unix)]
pub fn end_by_signals(end: impl Fn() + Clone + Send + Sync + 'static) -> std::io::Result<()> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGINT, SIGTERM};

    let is_ending = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Before the flag is set below: the first signal does not quit.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&is_ending))?;
        let (is_ending, end) = (Arc::clone(&is_ending), end.clone());
        let action = move || {
            is_ending.store(true, Ordering::SeqCst);
            end();
        };
        // SAFETY: storing is async-signal-safe, and so is what the programs do at the end, which is to
        // interrupt readers.
        unsafe { signal_hook::low_level::register(signal, action) }?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use acap::Format;

    use super::{find_option, frames_in, parse_count, parse_format, parse_seconds};

    #[test]
    fn options() {
        let known = [('d', "device"), ('j', "json")];
        assert_eq!(find_option("-d", &known), (Some("device"), None));
        assert_eq!(
            find_option("-dsim:sine", &known),
            (Some("device"), Some("sim:sine"))
        );
        assert_eq!(
            find_option("--device=a=b", &known),
            (Some("device"), Some("a=b"))
        );
        assert_eq!(find_option("--json", &known), (Some("json"), None));
        assert_eq!(find_option("--version", &known), (Some("version"), None));
        assert_eq!(find_option("-x", &known).0, None);
    }

    #[test]
    fn values() {
        assert_eq!(parse_format("S24"), Ok(Format::S24));
        assert!(parse_format("s20").is_err());
        assert_eq!(parse_count("2"), Ok(2));
        assert!(
            parse_count("0").is_err() && parse_count("1e3").is_err() && parse_count("-1").is_err()
        );
        assert_eq!(parse_seconds("0.5"), Ok(0.5));
        for text in ["0", "-1", "nan", "inf", "1s", ""] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
        assert_eq!(frames_in(0.25, 44_100), 11_025);
    }
}
