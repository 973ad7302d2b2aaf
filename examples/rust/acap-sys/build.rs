// SPDX-License-Identifier: MIT
//! Finds the C library: where ACAP_LIB_DIR or ACAP_DIR say, else by pkg-config.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    for name in ["ACAP_DIR", "ACAP_LIB_DIR", "ACAP_INCLUDE_DIR"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    let is_static = env::var_os("CARGO_FEATURE_STATIC").is_some();
    let include = match named_library_dir() {
        Some(library_dir) => link_there(&library_dir, is_static),
        None => link_by_pkg_config(is_static),
    };
    // Dependents read the first one as DEP_ACAP_INCLUDE; the second one is for the tests of this crate.
    println!("cargo::metadata=include={}", include.display());
    println!(
        "cargo::rustc-env=ACAP_SYS_INCLUDE_DIR={}",
        include.display()
    );
}

fn named_dir(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The directory that the environment names.
fn named_library_dir() -> Option<PathBuf> {
    if let Some(library_dir) = named_dir("ACAP_LIB_DIR") {
        return Some(library_dir);
    }
    let prefix = named_dir("ACAP_DIR")?;
    let has_pkg_config = |dir: &PathBuf| dir.join("pkgconfig").join("acap.pc").exists();
    let nested = std::fs::read_dir(prefix.join("lib")).into_iter().flatten();
    let candidates = [prefix.join("lib"), prefix.join("lib64")].into_iter();
    let found = candidates
        .chain(nested.flatten().map(|entry| entry.path()))
        .find(has_pkg_config);
    Some(found.unwrap_or_else(|| prefix.join("lib")))
}

/// Links what is in a directory, and says where the header is.
fn link_there(library_dir: &Path, is_static: bool) -> PathBuf {
    println!("cargo::rustc-link-search=native={}", library_dir.display());
    if is_static {
        println!("cargo::rustc-link-lib=static=acap");
        watch(library_dir);
        link_what_the_static_library_needs();
    } else {
        println!("cargo::rustc-link-lib=dylib=acap");
    }
    named_dir("ACAP_INCLUDE_DIR")
        .or_else(|| named_dir("ACAP_DIR").map(|prefix| prefix.join("include")))
        .unwrap_or_else(|| {
            let prefix = library_dir
                .ancestors()
                .find(|dir| dir.join("include/acap").exists());
            prefix.unwrap_or(library_dir).join("include")
        })
}

/// PortAudio, as the acap.pc of a static library asks for it, and the system's own.
fn link_what_the_static_library_needs() {
    if pkg_config::Config::new().probe("portaudio-2.0").is_err() {
        println!("cargo::rustc-link-lib=dylib=portaudio");
    }
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        for name in ["pthread", "dl", "m"] {
            println!("cargo::rustc-link-lib=dylib={name}");
        }
    }
}

/// What was linked in is old once the library was built anew.
fn watch(library_dir: &Path) {
    let library = library_dir.join("libacap.a");
    if library.exists() {
        println!("cargo::rerun-if-changed={}", library.display());
    }
}

fn link_by_pkg_config(is_static: bool) -> PathBuf {
    let probed = pkg_config::Config::new()
        .atleast_version("0.1.0")
        .statik(is_static)
        .probe("acap");
    match probed {
        Ok(library) => {
            if is_static {
                library
                    .link_paths
                    .iter()
                    .for_each(|library_dir| watch(library_dir));
            }
            library
                .include_paths
                .into_iter()
                .next()
                .unwrap_or_else(|| "/usr/include".into())
        }
        Err(error) => {
            eprintln!("{error}");
            println!(
                "cargo::error=acap was not found: set PKG_CONFIG_PATH so that it has acap.pc, or ACAP_DIR"
            );
            std::process::exit(1);
        }
    }
}
