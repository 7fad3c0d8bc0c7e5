//! What other threads print while a line is being edited: a helper thread hands it to the editor,
//! which puts it above the line. It must not know who prints.

use std::io;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use rustyline::ExternalPrinter;

use crate::runtime::output::Diversion;

/// Texts that may wait for the editor. Beyond, they go to the terminal as they come: threads that
/// run wild must neither wait for the user nor fill the memory.
const WAITING: usize = 1000;

/// The way to the helper thread, which lives as long as this.
pub(super) struct Pump {
    sender: Sender<Message>,
}

enum Message {
    Text(Vec<u8>),
    /// Everything before it has been printed when this is dropped.
    Drained(Sender<()>),
}

impl Pump {
    /// Starts the helper thread.
    pub(super) fn start(printer: impl ExternalPrinter + Send + 'static) -> io::Result<Pump> {
        let (sender, receiver) = bounded(WAITING);
        std::thread::Builder::new()
            .name("prompt output".to_owned())
            .spawn(move || print_all(&receiver, printer))?;
        Ok(Pump { sender })
    }

    /// The place for output while a line is being edited.
    pub(super) fn diversion(&self) -> Diversion {
        let sender = self.sender.clone();
        Arc::new(
            move |text| match sender.try_send(Message::Text(text.to_vec())) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => directly(text),
            },
        )
    }

    /// Waits until all is printed. No line is being edited.
    pub(super) fn drain(&self) {
        let (done, drained) = bounded(0);
        if self.sender.send(Message::Drained(done)).is_ok() {
            // An error says that the other end was dropped, which is what is waited for.
            let _ = drained.recv();
        }
    }
}

fn print_all(receiver: &Receiver<Message>, mut printer: impl ExternalPrinter) {
    // Characters may come in two pieces.
    let mut rest = Vec::new();
    for message in receiver {
        match message {
            Message::Text(text) => {
                rest.extend(text);
                // What comes quickly is printed together: each time the line is drawn anew.
                let whole = match std::str::from_utf8(&rest) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    _ => rest.len(),
                };
                let text = String::from_utf8_lossy(&rest[..whole]).into_owned();
                rest.drain(..whole);
                if printer.print(text.clone()).is_err() {
                    // The terminal is gone, or the editor: nobody is left to be told.
                    let _ = directly(text.as_bytes());
                }
            }
            Message::Drained(done) => drop(done),
        }
    }
}

fn directly(text: &[u8]) -> io::Result<()> {
    use io::Write;
    io::stderr().write_all(text)
}
