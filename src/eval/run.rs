//! Running whole programs, and entering the evaluator from outside. It must not know how a
//! program was made.

use std::sync::Arc;

use super::call::{self, with_room};
use super::context::{Context, Entry};
use super::module::{Linked, Module};
use super::observer::Observer;
use crate::library::message::Programs;
use crate::resolve::tree::Program;
use crate::value::name::known;
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// How the evaluator with this observer is entered.
pub fn entry<O: Observer>() -> Entry {
    Entry {
        call: call::call::<O>,
        run: run_module::<O>,
    }
}

/// Runs a program's top level in a module. Its value is that of a `return` at the end, which
/// only programs made for a value have.
///
/// # Errors
/// What the program raises.
pub fn program(cx: &mut Context, program: &Arc<Program>, module: &Ref<Module>) -> Outcome<Value> {
    let linked = Linked::new(cx, program.clone(), module.clone());
    super::builtin_scope::apply(cx, module);
    cx.session.extensions.get::<Programs>().add(&linked);
    let run = cx.entry.run;
    run(cx, linked)
}

fn run_module<O: Observer>(cx: &mut Context, linked: Arc<Linked>) -> Outcome<Value> {
    let function = call::module_function(linked.program.body.clone(), linked);
    let code = function.code.clone();
    if let Some(doc) = &code.doc {
        function.linked.module.set(known().doc, doc.clone());
    }
    with_room(cx, code.slots() + code.scratch as usize + 2, |cx| {
        call::run::<O>(cx, &function, 0)
    })
}
