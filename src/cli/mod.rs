//! The command line: `conc FILE [ARGUMENT…]`. It must not know what lies below the engine, but for
//! what only the owner of a process may do: signals, descriptors, its end.

mod arguments;
mod finish;
mod input;
mod module;
mod prompt;
mod run;
mod show;
mod signals;

use std::process::ExitCode;

/// Runs the command line.
pub fn main() -> ExitCode {
    match arguments::parse() {
        Ok(command) => ExitCode::from(run::run(&command)),
        Err(status) => status,
    }
}

/// The status for wrong usage, unreadable files and syntax errors.
const USAGE: u8 = 2;
