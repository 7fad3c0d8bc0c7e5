//! Editing lines on the terminal, by rustyline. It must not know what a line means.

use std::io;

use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, Config};

use super::complete::Helper;
use super::history;
use super::pump::Pump;
use crate::eval::context::Context;
use crate::library;
use crate::runtime::fork::{self, ForeignThreads};
use crate::runtime::output::WriteMode;
use crate::runtime::pending::Pending;
use crate::runtime::{output, signal};

/// Inputs that are remembered.
const REMEMBERED: usize = 5000;

/// What was typed.
pub(super) enum Line {
    /// A line, or several that were pasted or brought back, without the last line end.
    Text(String),
    /// Ctrl-C.
    Abandoned,
    /// Ctrl-D, or the terminal is gone.
    End,
}

/// A line editor with its history.
pub(super) struct Editor {
    editor: rustyline::Editor<Helper, FileHistory>,
    history: Option<std::path::PathBuf>,
    pump: Option<Pump>,
}

impl Editor {
    /// An editor on standard input and output.
    pub(super) fn new(cx: &Context) -> Result<Editor, ReadlineError> {
        let coloured = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let config = Config::builder()
            .history_ignore_dups(true)?
            .max_history_size(REMEMBERED)?
            .completion_type(rustyline::CompletionType::List)
            .build();
        let mut editor = rustyline::Editor::with_config(config)?;
        if !coloured {
            editor.set_color_mode(ColorMode::Disabled);
        }
        editor.set_helper(Some(Helper::new(cx)));
        let history = history::file();
        if let Some(file) = &history {
            // There is none yet at the first time; one that cannot be read is no reason to stop.
            let _ = editor.load_history(file);
        }
        // On something that is no terminal after all, text goes out as ever.
        let pump = match editor.create_external_printer() {
            Ok(printer) => Pump::start(printer).ok(),
            Err(_) => None,
        };
        if pump.is_some() {
            // The pump's thread holds nothing that the child of a fork could miss.
            fork::set_foreign_threads(ForeignThreads::Allow);
        }
        Ok(Editor {
            editor,
            history,
            pump,
        })
    }

    /// Reads a line. Other threads go on meanwhile, and what they print stands above it.
    pub(super) fn line(&mut self, cx: &mut Context, prompt: &str) -> Line {
        let outputs = [cx.session.stdout.clone(), cx.session.stderr.clone()];
        if !output::is_at_line_start() {
            // The editor draws from the start of its line on, over what stands there.
            let end = library::output::write(cx, &outputs[0], b"\n", WriteMode::Flushed);
            // A terminal that is gone shows itself at the read.
            drop(end);
        }
        if let Some(pump) = &self.pump {
            for output in &outputs {
                if output.is_terminal() {
                    output.divert(Some(pump.diversion()));
                }
            }
        }
        let editor = &mut self.editor;
        let result = cx.thread.detached(|| editor.readline(prompt));
        for output in &outputs {
            output.divert(None);
        }
        output::note_line_start();
        if let Some(pump) = &self.pump {
            cx.thread.detached(|| pump.drain());
        }
        match result {
            // One that came just behind it stays pending, and stops what the line begins.
            Ok(line) => Line::Text(line),
            Err(error) if is_interrupt(&error) => {
                cx.thread.take_pending(Pending::SIGNALS);
                signal::take_pending();
                Line::Abandoned
            }
            Err(_) => Line::End,
        }
    }

    /// Puts an input into the history.
    pub(super) fn remember(&mut self, input: &str) {
        // A history that cannot be kept is no reason to stop.
        let _ = self.editor.add_history_entry(input);
        if let Some(file) = &self.history {
            let _ = self.editor.append_history(file);
        }
    }
}

fn is_interrupt(error: &ReadlineError) -> bool {
    match error {
        ReadlineError::Interrupted => true,
        ReadlineError::Io(error) => error.kind() == io::ErrorKind::Interrupted,
        _ => false,
    }
}
