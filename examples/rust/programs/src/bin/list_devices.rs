// SPDX-License-Identifier: MIT
//! Lists the capture devices.

use std::process::ExitCode;

use acap::{Context, DeviceFlags, DeviceInfo};
use acap_programs::cli::{Argument, Program};

static PROGRAM: Program = Program {
    name: "acap-rs-devices",
    help: "usage: acap-rs-devices [-j | --json] [-h | --help] [-V | --version]\n\n\
           Lists the devices that can be captured from.",
};

const FLAGS: [(&str, DeviceFlags); 3] = [
    ("default", DeviceFlags::DEFAULT),
    ("loopback", DeviceFlags::LOOPBACK),
    ("stale", DeviceFlags::STALE),
];

/// Replaces what could harm a terminal: a device chooses its own name.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect()
}

fn flag_words(device: &DeviceInfo) -> String {
    let shown = FLAGS[1..]
        .iter()
        .filter(|(_, flag)| device.flags.contains(*flag));
    shown.map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}

/// A table for people; * marks the default device.
fn table(devices: &[DeviceInfo]) -> String {
    let mut rows = vec![["ID".to_owned(), "NAME".to_owned(), "HOST API".to_owned()]];
    rows.extend(
        devices
            .iter()
            .map(|one| [&one.id, &one.name, &one.host_api].map(|text| printable(text))),
    );
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let cells = |row: &[String; 3]| {
        let cell = |(text, width): (&String, usize)| format!("{text:width$}");
        row.iter()
            .zip(widths)
            .map(cell)
            .collect::<Vec<_>>()
            .join("  ")
    };
    let mut lines = vec![format!("  {}  CHANNELS    RATE  FLAGS", cells(&rows[0]))];
    for (one, row) in devices.iter().zip(&rows[1..]) {
        let mark = if one.flags.contains(DeviceFlags::DEFAULT) {
            '*'
        } else {
            ' '
        };
        let (channels, rate) = (one.max_channel_count, one.default_sample_rate_hz);
        let line = format!(
            "{mark} {}  {channels:8}  {rate:6}  {}",
            cells(row),
            flag_words(one)
        );
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

fn json_text(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    quoted + "\""
}

/// JSON for programs.
fn json(devices: &[DeviceInfo]) -> String {
    let object = |one: &DeviceInfo| {
        let mut members = vec![
            ("id", json_text(&one.id)),
            ("name", json_text(&one.name)),
            ("host_api", json_text(&one.host_api)),
            ("max_channel_count", one.max_channel_count.to_string()),
            (
                "default_sample_rate_hz",
                one.default_sample_rate_hz.to_string(),
            ),
            ("low_latency_ns", one.low_latency_ns.to_string()),
            ("high_latency_ns", one.high_latency_ns.to_string()),
        ];
        members.extend(FLAGS.map(|(word, flag)| (word, one.flags.contains(flag).to_string())));
        let lines: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("    \"{name}\": {value}"))
            .collect();
        format!("  {{\n{}\n  }}", lines.join(",\n"))
    };
    match devices {
        [] => "[]".to_owned(),
        some => format!(
            "[\n{}\n]",
            some.iter().map(object).collect::<Vec<_>>().join(",\n")
        ),
    }
}

fn wants_json() -> bool {
    let mut arguments = PROGRAM.arguments();
    let mut is_wanted = false;
    while let Some(argument) = arguments.next(&[('j', "json")]) {
        match argument {
            Argument::Option(_) => is_wanted = true,
            Argument::Plain(word) => {
                PROGRAM.refuse(format_args!("what is {}?", word.to_string_lossy()))
            }
        }
    }
    is_wanted
}

fn main() -> ExitCode {
    let wants_json = wants_json();
    let devices = match Context::new().and_then(|context| context.devices()) {
        Ok(devices) => devices,
        Err(error) => {
            PROGRAM.say(format_args!("the devices cannot be listed: {error}"));
            return ExitCode::FAILURE;
        }
    };
    if wants_json {
        println!("{}", json(&devices));
    } else if devices.is_empty() {
        println!("No capture device was found; simulated ones, such as sim:sine, always open.");
    } else {
        println!("{}", table(&devices));
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::{json_text, printable};

    #[test]
    fn a_device_cannot_write_to_the_terminal() {
        assert_eq!(printable("id\u{1b}[2J\n\u{9b}"), "id?[2J??");
    }

    #[test]
    fn json_is_plain() {
        assert_eq!(
            json_text("a\"\\\n\u{1f3a4}"),
            "\"a\\\"\\\\\\u000a\\ud83c\\udfa4\""
        );
    }
}
