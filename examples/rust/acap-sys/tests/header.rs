// SPDX-License-Identifier: MIT
//! The declarations against the installed header: numbers, functions, sizes, offsets. Nothing can
//! be missing on either side, since the lists are read out of the header and out of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;

const INCLUDE_DIR: &str = env!("ACAP_SYS_INCLUDE_DIR");

fn header() -> String {
    let path = Path::new(INCLUDE_DIR).join("acap/acap.h");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    without_comments(&text)
}

fn without_comments(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find("/*") {
        left.push_str(&rest[..begin]);
        let end = rest[begin..].find("*/").expect("a comment ends") + begin + 2;
        rest = &rest[end..];
    }
    left + rest
}

/// The identifiers of a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
}

/// `#define ACAP_NAME number`; whatever is no plain number is not the binding's business.
fn header_numbers() -> BTreeMap<String, i64> {
    let mut numbers = BTreeMap::new();
    for line in header().lines() {
        let mut parts = line.split_whitespace();
        let (Some("#define"), Some(name), Some(value), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let digits = value.trim_matches(['(', ')']).trim_end_matches('u');
        if let Ok(number) = digits.parse() {
            numbers.insert(name.to_owned(), number);
        }
    }
    assert!(numbers.len() > 60, "the header could not be read");
    numbers
}

/// `pub const NAME: type = number;` of this crate.
fn declared_numbers() -> BTreeMap<String, i64> {
    let text = include_str!("../src/constants.rs");
    let mut numbers = BTreeMap::new();
    for declaration in text.split("pub const ").skip(1) {
        let (name, rest) = declaration.split_once(':').expect("a type");
        let (_, value) = rest.split_once('=').expect("a value");
        let (value, _) = value.split_once(';').expect("an end");
        if name.starts_with("ACAP_VERSION") {
            continue;
        }
        let number = value.trim().replace('_', "").parse().expect(name);
        numbers.insert(name.to_owned(), number);
    }
    numbers
}

#[test]
fn numbers_are_those_of_the_header() {
    assert_eq!(declared_numbers(), header_numbers());
}

/// A C type in Rust's words, as functions.rs writes it.
fn rust_type(c: &str) -> String {
    let base = words(c)
        .find(|word| *word != "const")
        .unwrap_or_else(|| panic!("{c} has no type"));
    let base = match base {
        "void" => "c_void",
        "char" => "c_char",
        "float" => "f32",
        "double" => "f64",
        "uint32_t" => "u32",
        "uint64_t" => "u64",
        "int64_t" => "i64",
        "size_t" => "usize",
        "intptr_t" => "isize",
        other => other,
    };
    let pointers = c.matches('*').count();
    let innermost = if c.trim_start().starts_with("const") {
        "*const "
    } else {
        "*mut "
    };
    match pointers {
        0 => base.to_owned(),
        _ => "*mut ".repeat(pointers - 1) + innermost + base,
    }
}

/// `name: type` out of `type name`.
fn rust_parameter(c: &str) -> String {
    let name = words(c).last().expect("a name");
    let c_type = c.trim_end().strip_suffix(name).expect("the name is last");
    format!("{name}: {}", rust_type(c_type))
}

/// `name(parameters) -> type` of every function in the header.
fn header_functions() -> BTreeSet<String> {
    let header = header();
    let mut functions = BTreeSet::new();
    for text in header.split("ACAP_API ").skip(1) {
        let Some((returned, rest)) = text.split_once("ACAP_CALL ") else {
            continue;
        };
        let Some((name, rest)) = rest
            .split_once('(')
            .filter(|(name, _)| name.starts_with("acap_"))
        else {
            continue;
        };
        let (parameters, _) = rest.split_once(')').expect("the parameters end");
        let parameters: Vec<String> = match parameters.trim() {
            "void" => Vec::new(),
            some => some.split(',').map(rust_parameter).collect(),
        };
        let returned = match returned.trim() {
            "void" => String::new(),
            some => format!(" -> {}", rust_type(some)),
        };
        functions.insert(format!("{name}({}){returned}", parameters.join(", ")));
    }
    functions
}

/// The same of functions.rs.
fn declared_functions() -> BTreeSet<String> {
    let text = include_str!("../src/functions.rs");
    text.split(" fn ")
        .skip(1)
        .map(|declaration| {
            let (declaration, _) = declaration.split_once(';').expect("it ends");
            let one_line = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
            one_line.replace("( ", "(").replace(", )", ")")
        })
        .collect()
}

#[test]
fn functions_are_those_of_the_header() {
    let wanted = header_functions();
    assert!(wanted.len() > 40, "the header could not be read");
    assert_eq!(declared_functions(), wanted);
}

#[test]
fn the_version_is_that_of_the_header() {
    let path = Path::new(INCLUDE_DIR).join("acap/version.h");
    let text = fs::read_to_string(path).expect("version.h");
    for (name, number) in [
        ("MAJOR", acap_sys::ACAP_VERSION_MAJOR),
        ("MINOR", acap_sys::ACAP_VERSION_MINOR),
        ("PATCH", acap_sys::ACAP_VERSION_PATCH),
    ] {
        assert!(
            text.contains(&format!("#define ACAP_VERSION_{name} {number}\n")),
            "{name}"
        );
    }
    assert_eq!(acap_sys::acap_version() >> 16, acap_sys::ACAP_VERSION >> 16);
}

/// What Rust says of a struct, in the words of the C program below.
struct Layout {
    name: &'static str,
    /// Name, offset, size.
    members: Vec<(&'static str, usize, usize)>,
    size_bytes: usize,
}

fn size_of_member<T, M>(_: fn(&T) -> &M) -> usize {
    size_of::<M>()
}

macro_rules! layouts {
    ($($name:ident { $($member:ident),* $(,)? })*) => { vec![ $( {
        // All members, or this is no pattern.
        let _all = |one: acap_sys::$name| { let acap_sys::$name { $($member: _),* } = one; };
        Layout {
            name: stringify!($name),
            members: vec![ $( (
                stringify!($member),
                offset_of!(acap_sys::$name, $member),
                size_of_member(|one: &acap_sys::$name| &one.$member),
            ) ),* ],
            size_bytes: size_of::<acap_sys::$name>(),
        }
    } ),* ] };
}

#[cfg(target_pointer_width = "64")]
fn layouts() -> Vec<Layout> {
    layouts! {
        acap_context_config { struct_size, flags, backend }
        acap_event { struct_size, type_, level, reserved, stream_id, position, frames, events_lost, time_ns, text }
        acap_device_info { struct_size, flags, id, name, host_api, max_channel_count, default_sample_rate_hz, low_latency_ns, high_latency_ns }
        acap_buffer { struct_size, flags, data, position, time_ns, time_error_ns, lost_before, frame_count, size_bytes, sample_rate_hz, channel_count, format, plane_stride_bytes }
        acap_levels { struct_size, channel_count, peak, rms, clipped, zeros }
        acap_pool_config { struct_size, flags, buffer_size_bytes, buffers_min, buffers_max }
        acap_pool_stats { struct_size, capacity, free_buffers, in_use, in_use_peak, buffers_min, buffers_max, grown, acquired, recycled, exhausted, released, rejected_releases, memory_bytes, oldest_held_ns, hit_rate }
        acap_stream_config { struct_size, flags, device, sample_rate_hz, channel_count, format, frames_per_buffer, pool_buffers_min, pool_buffers_max, latency_ns, pool, on_device_lost, reserved, history_ns }
        acap_stream_info { struct_size, sample_rate_hz, channel_count, format, frames_per_buffer, flags, latency_ns, stream_id, device_id, backend }
        acap_stream_stats { struct_size, state, realtime, reserved, position, frames_captured, frames_lost, lost_pool, lost_host, frames_pending, callbacks, host_overflows, buffers_filled, recoveries, callback_ns_max, callback_ns_total, measured_rate_hz }
        acap_reader_config { struct_size, flags, queue_buffers, overflow, wake_buffers, hold_buffers, preroll_ns, name }
        acap_reader_stats { struct_size, queued_buffers, queued_buffers_peak, reserved, start_position, end_position, buffers_delivered, frames_delivered, frames_queued, frames_lost, lost_stream, lost_queue, latency_ns_p50, latency_ns_p99, latency_ns_max }
    }
}

/// `name: type` out of a member of a C struct.
fn rust_member(c: &str) -> Option<String> {
    let declaration = c.strip_suffix(';')?;
    let (declaration, length) = match declaration.split_once('[') {
        Some((declaration, length)) => (declaration, Some(length.trim_end_matches(']'))),
        None => (declaration, None),
    };
    let parameter = rust_parameter(declaration.trim());
    let (name, rust_type) = parameter.split_once(": ")?;
    let name = if name == "type" { "type_" } else { name };
    Some(match length {
        Some(length) => format!("{name}: [{rust_type}; {length}]"),
        None => format!("{name}: {rust_type}"),
    })
}

/// The members of the header's structs, in order; what only fills holes where pointers have 32 bits is
/// left out.
fn header_structs() -> BTreeMap<String, Vec<String>> {
    let header = header();
    let mut structs = BTreeMap::new();
    for text in header.split("typedef struct ").skip(1) {
        let Some((name, body)) = text.split_once(" {") else {
            continue;
        };
        if words(name).count() != 1 {
            continue;
        }
        let (body, _) = body.split_once('}').expect("a struct ends");
        let members = body.split_inclusive([';', ')']).filter_map(rust_member);
        structs.insert(name.to_owned(), members.collect());
    }
    assert_eq!(structs.len(), 12, "the header could not be read");
    structs
}

/// The same of types.rs.
fn declared_structs() -> BTreeMap<String, Vec<String>> {
    let mut structs = BTreeMap::new();
    for text in include_str!("../src/types.rs")
        .split("pub struct acap_")
        .skip(1)
    {
        let (name, body) = text.split_once(" {\n").expect("a struct begins");
        let (body, _) = body.split_once("\n}").expect("a struct ends");
        let mut members = Vec::new();
        let mut is_padding = false;
        for line in body.lines().map(str::trim) {
            if let Some(member) = line.strip_prefix("pub ").filter(|_| !is_padding) {
                members.push(member.trim_end_matches(',').to_owned());
            }
            is_padding = line.starts_with("#[cfg");
        }
        structs.insert(format!("acap_{name}"), members);
    }
    structs
}

#[test]
fn structs_have_the_members_of_the_header() {
    assert_eq!(declared_structs(), header_structs());
}

#[cfg(target_pointer_width = "64")]
#[test]
fn every_struct_is_measured() {
    let measured: BTreeSet<String> = layouts().iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(measured, header_structs().into_keys().collect());
}

/// A C program that prints sizes and offsets, built and run.
fn run_c(lines: &[String]) -> String {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (source, program) = (dir.join("layout.c"), dir.join("layout"));
    let text = format!(
        "#include <acap/acap.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void)\n{{\n{}\nreturn 0;\n}}\n",
        lines.join("\n")
    );
    fs::write(&source, text).expect("the source");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built = Command::new(compiler)
        .arg(format!("-I{INCLUDE_DIR}"))
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .status()
        .expect("a C compiler, which linking needs anyway");
    assert!(built.success());
    let done = Command::new(program).output().expect("the program");
    assert!(done.status.success());
    String::from_utf8(done.stdout).expect("text")
}

#[cfg(target_pointer_width = "64")]
#[test]
fn structs_are_laid_out_as_in_c() {
    let (mut lines, mut expected) = (Vec::new(), Vec::new());
    for Layout {
        name,
        members,
        size_bytes,
    } in layouts()
    {
        lines.push(format!("printf(\"{name} %zu\\n\", sizeof({name}));"));
        expected.push(format!("{name} {size_bytes}"));
        for (member, offset, size_bytes) in members {
            let in_c = member.trim_end_matches('_');
            lines.push(format!(
                "printf(\"{name}.{member} %zu %zu\\n\", offsetof({name}, {in_c}), sizeof((({name} *)0)->{in_c}));"
            ));
            expected.push(format!("{name}.{member} {offset} {size_bytes}"));
        }
    }
    assert_eq!(run_c(&lines).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn initializers_say_how_large_they_are() {
    macro_rules! check {
        ($($name:ident)*) => { $(
            assert_eq!(acap_sys::$name::INIT.struct_size as usize, size_of::<acap_sys::$name>());
        )* };
    }
    check! {
        acap_context_config acap_event acap_levels acap_pool_config acap_pool_stats acap_reader_config
        acap_reader_stats acap_stream_config acap_stream_info acap_stream_stats
    }
}
