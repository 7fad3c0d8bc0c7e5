//! Writing to the session's standard streams. It must not know `print` or file objects.

use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::exceptions::from_io;
use crate::runtime::output::{Output, OutputError, WriteMode};
use crate::value::Outcome;

/// Writes a text in one piece; interrupts are served in between.
///
/// # Errors
/// `OSError`, or what an interrupt raises.
pub fn write(cx: &mut Context, output: &Output, mut text: &[u8], mode: WriteMode) -> Outcome<()> {
    loop {
        match output.write_whole(&cx.thread, text, mode) {
            Ok(()) => return Ok(()),
            Err(OutputError::Os(error)) => return Err(from_io(&error, None)),
            Err(OutputError::Interrupted { written, .. }) => {
                text = &text[written..];
                interrupt::at_safepoint(cx)?;
                if text.is_empty() {
                    return Ok(());
                }
            }
        }
    }
}

/// Writes what conc itself has to say, such as an uncaught error: all of it, whatever an interrupt raises meanwhile.
pub fn write_message(cx: &mut Context, output: &Output, mut text: &[u8]) {
    while let Err(error) = output.write_whole(&cx.thread, text, WriteMode::Flushed) {
        let OutputError::Interrupted { written, .. } = error else {
            // Nobody is left to be told.
            return;
        };
        text = &text[written..];
        // The error that is being shown stands for this one, too.
        let _ = interrupt::at_safepoint(cx);
        if text.is_empty() {
            return;
        }
    }
}

/// Writes out what a stream keeps back.
///
/// # Errors
/// `OSError`, or what an interrupt raises.
pub fn flush(cx: &mut Context, output: &Output) -> Outcome<()> {
    loop {
        match output.flush(&cx.thread) {
            Ok(()) => return Ok(()),
            Err(OutputError::Os(error)) => return Err(from_io(&error, None)),
            Err(OutputError::Interrupted { .. }) => interrupt::at_safepoint(cx)?,
        }
    }
}
