//! Where a program's text comes from: a file, the command line, standard input. It must not know
//! what the text means.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::library::exceptions::describe;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;

/// Why there is no text.
pub(super) enum Unreadable {
    /// It cannot be read; why, in words.
    File(String),
    /// It is no text.
    Text(Source, Box<SyntaxError>),
}

/// Reads a script's file.
pub(super) fn file(path: &Path) -> Result<Source, Unreadable> {
    let name = path.to_string_lossy().into_owned();
    let refused = |error: &io::Error| {
        let reason = match error.raw_os_error() {
            Some(code) => format!("[Errno {code}] {}", describe(code)),
            None => error.to_string(),
        };
        Unreadable::File(format!("can't open file '{name}': {reason}"))
    };
    let mut file = File::open(path).map_err(|error| refused(&error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        let message = format!("can't run '{name}': it is a folder, not a script");
        return Err(Unreadable::File(message));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|error| refused(&error))?;
    if is_binary(&bytes) {
        let message = format!("can't run '{name}': it is a binary file, not a script");
        return Err(Unreadable::File(message));
    }
    text(&name, bytes)
}

/// Reads a script from standard input, to its end.
pub(super) fn standard_input() -> Result<Source, Unreadable> {
    let mut bytes = Vec::new();
    match io::stdin().lock().read_to_end(&mut bytes) {
        Ok(_) => text("<stdin>", bytes),
        Err(error) => Err(Unreadable::File(format!(
            "can't read standard input: {error}"
        ))),
    }
}

/// The text of bytes.
fn text(name: &str, bytes: Vec<u8>) -> Result<Source, Unreadable> {
    let bytes = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    Source::from_bytes(name, bytes).map_err(|(source, error)| Unreadable::Text(source, error))
}

/// Executables and archives, which would only give a puzzling syntax error.
fn is_binary(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 1024;
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let zeros = start.iter().filter(|byte| **byte == 0).count();
    // One stray NUL is better told of as what it is, with its place.
    start.starts_with(b"\x7FELF") || zeros > 8
}
