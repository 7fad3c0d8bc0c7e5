//! What scripts find without writing it: the methods of the built-in types, the built-in scope,
//! the native modules. Thin: it translates between values and the layers below. It must not know
//! the syntax tree.

pub mod arguments;
pub mod builtins;
pub mod deadlock;
pub mod define;
pub mod environment;
pub mod exceptions;
pub mod files;
pub mod install;
pub mod left_out;
pub mod mapped_memory;
pub mod message;
pub mod methods;
pub mod modules;
pub mod namespace;
pub mod native_object;
pub mod output;
pub mod parameters;
pub mod paths;
pub mod sort;
pub mod source_modules;
pub mod struct_sequence;
pub mod suggestion;
pub mod unseen;

pub use self::builtins::builtin;
pub use self::install::install;
pub use self::modules::native_module;
