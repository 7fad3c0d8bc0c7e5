//! Puts the methods of all built-in types into their classes, once a process.

use std::sync::Once;

use super::{builtins, deadlock, exceptions, files, methods};
use crate::value::types::types;

/// Makes the built-in types complete. Every session asks for it before it runs anything.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        methods::install();
        exceptions::install(types());
        builtins::iterators::install();
        files::install();
        deadlock::install();
    });
}
