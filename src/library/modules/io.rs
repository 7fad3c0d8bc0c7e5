//! `_io`: the classes of file objects and what belongs to them, for the module `io`, which is written in conc.

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::files;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// Makes the module.
pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("_io", &[]);
    let classes = files::classes();
    for (name, class) in [
        ("_IOBase", &classes.base),
        ("_RawIOBase", &classes.raw_base),
        ("_BufferedIOBase", &classes.buffered_base),
        ("_TextIOBase", &classes.text_base),
        ("FileIO", &classes.raw),
        ("BufferedReader", &classes.reader),
        ("BufferedWriter", &classes.writer),
        ("BufferedRandom", &classes.random),
        ("TextIOWrapper", &classes.text),
        ("UnsupportedOperation", &classes.unsupported),
    ] {
        module.set(Name::new(name), Value::Class(class.clone()));
    }
    module.set(
        Name::new("open"),
        crate::library::builtin(Name::new("open")),
    );
    Ok(module)
}
