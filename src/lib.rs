//! conc: a small, Python-flavoured scripting language for concurrency, on real processes and
//! threads. This is the library that the command `conc` stands on; a program of its own uses it to
//! run scripts.
//!
//! ```
//! use conc::Engine;
//!
//! let engine = Engine::builder()
//!     .register_fn("price", |item: &str| match item {
//!         "tea" => Ok(3),
//!         other => Err(format!("no price for {other}")),
//!     })
//!     .build();
//! let session = engine.session();
//! session.run_text("def total(items): return sum(price(item) for item in items)")?;
//! assert_eq!(session.call::<i64>("total", (vec!["tea", "tea"],))?, 6);
//! let error = session.call::<i64>("total", (vec!["gold"],)).unwrap_err();
//! assert_eq!(error.to_string(), "RuntimeError: no price for gold");
//! # Ok::<(), conc::Error>(())
//! ```
//!
//! - An [`Engine`] is what all scripts of a host have in common: functions, streams, limits.
//! - A [`Program`] is a compiled text, run often, from any thread.
//! - A [`Session`] is the state that programs run in. It may be used from several threads at once.
//! - A [`Value`] keeps a value of a script for the host: a function, an object.
//! - An [`Error`] is what went wrong, with its traceback.
//!
//! The library installs no signal handlers, writes to no stream but those that it was given, and
//! makes no process unless a script asks for one and the engine allows it ([`Processes`]).

// What pest makes of the grammar names it.
extern crate alloc;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod diagnostics;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod eval;
#[doc(hidden)]
pub mod library;
#[doc(hidden)]
pub mod resolve;
#[doc(hidden)]
pub mod runtime;
#[doc(hidden)]
pub mod syntax;
#[doc(hidden)]
pub mod value;

pub use engine::{
    Engine, EngineBuilder, Error, ErrorKind, FromValue, HostFunction, IntoArguments, IntoValue,
    Parameter, Processes, Program, Session, Value,
};

/// The examples of the README, as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
