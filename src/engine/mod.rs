//! The public face for Rust programs: an [`Engine`] makes [`Program`]s and [`Session`]s. It must
//! not know the command line.

mod builder;
mod convert;
pub(crate) mod core;
mod error;
mod function;
mod handle;
pub(crate) mod load;
pub(crate) mod program;
mod session;
#[cfg(fuzzing)]
pub mod trial;

pub use builder::{Engine, EngineBuilder, Processes};
pub use convert::{FromValue, IntoArguments, IntoValue};
pub use error::{Error, ErrorKind};
pub use function::{HostFunction, Parameter};
pub use handle::Value;
pub use program::Program;
pub use session::Session;
