//! Files: `open`, file objects, and the standard streams as scripts see them.

mod methods;
mod open;
mod raw;
mod standard;
mod text;

use std::cell::UnsafeCell;
use std::io;
use std::sync::{Arc, OnceLock, Weak};

use self::raw::Raw;
use self::text::Text;
use super::define::Entries;
use super::exceptions::from_io;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::session::UncaughtIn;
use crate::runtime::fork;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::thread_lock::{LockError, ThreadLock};
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, Raised, runtime_error, value_error};
use crate::value::instance::{Instance, NativeData, Payload};
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value, quote};

pub use self::open::open_file;
pub use self::raw::mode_of;
pub use self::standard::{Stream, standard_file, standard_stream};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[("open", open::open)];

/// Puts the methods into the classes.
pub fn install() {
    methods::install();
    standard::install();
}

/// The classes of file objects.
pub struct Classes {
    /// `io.IOBase`.
    pub base: Ref<Class>,
    /// `io.RawIOBase`.
    pub raw_base: Ref<Class>,
    /// `io.BufferedIOBase`.
    pub buffered_base: Ref<Class>,
    /// `io.TextIOBase`.
    pub text_base: Ref<Class>,
    /// `io.FileIO`.
    pub raw: Ref<Class>,
    /// `io.BufferedReader`.
    pub reader: Ref<Class>,
    /// `io.BufferedWriter`.
    pub writer: Ref<Class>,
    /// `io.BufferedRandom`.
    pub random: Ref<Class>,
    /// `io.TextIOWrapper`.
    pub text: Ref<Class>,
    /// `io.UnsupportedOperation`.
    pub unsupported: Ref<Class>,
}

/// The classes of file objects.
pub fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let types = types();
        let make = |name: &'static str, base: &Ref<Class>| {
            Class::builtin(name, Some(base), Layout::Native("file"))
        };
        let base = make("_io._IOBase", &types.object);
        let raw_base = make("_io._RawIOBase", &base);
        let buffered_base = make("_io._BufferedIOBase", &base);
        let text_base = make("_io._TextIOBase", &base);
        let unsupported = Class::builtin_with(
            "UnsupportedOperation",
            vec![
                types.exception(ExceptionKind::OSError).clone(),
                types.exception(ExceptionKind::ValueError).clone(),
            ],
            Layout::Exception,
        );
        unsupported.set(known().module, Value::str("io"));
        Classes {
            raw: make("_io.FileIO", &raw_base),
            reader: make("_io.BufferedReader", &buffered_base),
            writer: make("_io.BufferedWriter", &buffered_base),
            random: make("_io.BufferedRandom", &buffered_base),
            text: make("_io.TextIOWrapper", &text_base),
            base,
            raw_base,
            buffered_base,
            text_base,
            unsupported,
        }
    })
}

/// `io.UnsupportedOperation` with this message.
#[cold]
pub fn unsupported(message: &str) -> Raised {
    Raised::instance(crate::value::exception::make(
        classes().unsupported.clone(),
        vec![Value::str(message)],
    ))
}

/// An open file.
pub struct File {
    /// What was given to `open`: a name or a descriptor.
    pub name: Value,
    /// The mode, as it is shown.
    pub mode: String,
    /// The encoding of the text side, as it is shown.
    encoding: String,
    /// What the text side does with what cannot be encoded or decoded.
    errors: String,
    /// Whether it can be read.
    pub readable: bool,
    /// Whether it can be written.
    pub writable: bool,
    /// Whether text goes out at each line end.
    line_buffered: bool,
    lock: ThreadLock,
    /// Used only by the holder of the lock.
    state: UnsafeCell<State>,
}

struct State {
    raw: Raw,
    text: Option<Text>,
}

// SAFETY: the state is used only by the holder of the lock.
unsafe impl Sync for File {}
// SAFETY: all parts are `Send`.
unsafe impl Send for File {}

impl File {
    /// Does something with the file while no other thread does.
    fn with<R>(
        &self,
        cx: &mut Context,
        work: impl FnOnce(&mut Context, &mut State) -> Outcome<R>,
    ) -> Outcome<R> {
        loop {
            if self.lock.owner() == Some(cx.thread.id()) {
                // A signal handler of this thread runs in the middle of an operation.
                return Err(runtime_error("reentrant call inside a file object"));
            }
            match self.lock.acquire(&cx.thread, None) {
                Ok(_) => break,
                Err(LockError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                // Its holder was left behind by a fork, at a place where it waited: the state is
                // whole.
                Err(LockError::OwnerGone(_)) => self.lock.reset(),
            }
        }
        // SAFETY: this thread holds the lock until the end of `work`, and does not come here
        // again meanwhile, which the owner's number tells.
        let result = work(cx, unsafe { &mut *self.state.get() });
        self.lock.release();
        result
    }

    /// Writes out what is kept back, where that waits for nobody and no thread is using the file.
    fn write_out_unless_used(&self) {
        if self.writable && self.lock.try_hold() {
            // SAFETY: the lock is held, and what is done here cannot come back.
            let raw = unsafe { &mut (*self.state.get()).raw };
            let result = raw.flush_without_waiting();
            self.lock.release();
            self.note_lost(result);
        }
    }

    /// Notes what could not be written when nobody was there to be told.
    fn note_lost(&self, result: io::Result<()>) {
        if let Err(error) = result {
            let lost = Lost {
                file: self.described(),
                error,
                process: fork::generation(),
            };
            LOST.lock_within().push(lost);
        }
    }

    /// What `repr` shows for most files; for when no methods can be called.
    fn described(&self) -> String {
        let mut name = String::new();
        match self.name.unwrapped() {
            Value::Str(text) => quote::write_quoted(&mut name, text.as_str()),
            Value::Int(number) => name = number.to_string(),
            _ => name.push('?'),
        }
        let (mode, encoding) = (&self.mode, &self.encoding);
        if !mode.contains('b') {
            return format!("<_io.TextIOWrapper name={name} mode='{mode}' encoding='{encoding}'>");
        }
        let kind = if self.readable { "Random" } else { "Writer" };
        format!("<_io.Buffered{kind} name={name}>")
    }

    /// As [`File::with`], for the text side.
    fn with_text<R>(
        &self,
        cx: &mut Context,
        work: impl FnOnce(&mut Context, &mut Raw, &mut Text) -> Outcome<R>,
    ) -> Outcome<R> {
        self.with(cx, |cx, state| {
            state.raw.fd()?;
            match &mut state.text {
                Some(text) => work(cx, &mut state.raw, text),
                None => Err(value_error("underlying buffer has been detached")),
            }
        })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let result = self.state.get_mut().raw.flush_at_last();
        self.note_lost(result);
    }
}

/// What was written into a file that nobody had any more, and could not be written out.
struct Lost {
    file: String,
    error: io::Error,
    /// Which process has to tell of it, as forks are counted.
    process: u32,
}

/// What is still to be told of.
static LOST: LeafLock<Vec<Lost>> = LeafLock::new(Vec::new());

/// What a file object carries: the file, and whether it shows its text side.
pub struct Handle {
    file: Arc<File>,
    is_text: bool,
}

// The file's name is counted once for all handles, so none of them may report it.
impl NativeData for Handle {
    /// What a script wrote into a file that it then forgot is there for whoever opens it next.
    fn forgotten(&self) {
        self.file.write_out_unless_used();
    }
}

/// All files that may have something to write out, for the end of the program.
static OPEN: LeafLock<Vec<Weak<File>>> = LeafLock::new(Vec::new());

fn register(file: &Arc<File>) {
    let mut open = OPEN.lock();
    if open.len() == open.capacity() {
        open.retain(|file| file.strong_count() > 0);
    }
    open.push(Arc::downgrade(file));
}

/// Writes out what open files keep back. For the end of the program, which drops no values.
pub fn flush_all(cx: &mut Context) {
    let open: Vec<Arc<File>> = OPEN.lock().iter().filter_map(Weak::upgrade).collect();
    for file in open {
        let result = file.with(cx, |cx, state| {
            if state.raw.is_closed() {
                return Ok(());
            }
            state.raw.flush(cx)
        });
        if let Err(raised) = result {
            tell_lost(cx, &raised, file.described());
            // Not once more, when the last handle goes.
            let _ = file.with(cx, |_, state| {
                state.raw.forget_written();
                Ok(())
            });
        }
    }
    let lost = std::mem::take(&mut *LOST.lock_within());
    for lost in lost {
        if lost.process == fork::generation() {
            tell_lost(cx, &from_io(&lost.error, None), lost.file);
        }
    }
}

fn tell_lost(cx: &mut Context, raised: &Raised, file: String) {
    let show = cx.session.show_uncaught;
    show(cx, raised, &UncaughtIn::Ignored(file.into()));
}

/// A file object.
fn object(class: &Ref<Class>, file: Arc<File>, is_text: bool) -> Value {
    Value::Instance(Instance::new(
        class.clone(),
        Payload::Native(Box::new(Handle { file, is_text })),
    ))
}
