// SPDX-License-Identifier: MIT
//! What the example programs share.

pub mod cli;
pub mod take;
pub mod wav;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a program ends early.
#[derive(Debug)]
pub enum Failure {
    /// Of the library.
    Acap(acap::Error),
    /// Of a file.
    File(PathBuf, io::Error),
}

impl Failure {
    /// What becomes of an error of a file.
    pub fn of_file(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |error| Self::File(path.to_owned(), error)
    }
}

impl From<acap::Error> for Failure {
    fn from(error: acap::Error) -> Self {
        Self::Acap(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acap(error) => error.fmt(formatter),
            Self::File(path, error) => write!(formatter, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for Failure {}
