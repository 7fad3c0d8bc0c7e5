//! Where imported modules come from: the library's own, native or in conc, then files in the session's folders. It
//! must not know how a module is used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::function::HostFunctions;
use super::program::{CompileOptions, Program};
use crate::diagnostics::SyntaxPlace;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::eval::run;
use crate::library;
use crate::syntax::error::{ErrorKind, SyntaxError};
use crate::syntax::source::Source;
use crate::value::exception::{ExceptionKind, Raised};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

/// Finds a module that is not loaded yet.
///
/// # Errors
/// What is wrong with the module's file, or what running it raises.
pub(super) fn load(cx: &mut Context, dotted: Name) -> Outcome<Option<Ref<Module>>> {
    if let Some(module) = library::native_module(cx, dotted.as_str())? {
        return Ok(Some(module));
    }
    if let Some(source) = library::source_modules::source(dotted.as_str()) {
        let module = Module::new(dotted, library::builtin);
        module.set(known().name, dotted.value());
        module.set(known().file, Value::str(source.name()));
        return run_module(cx, &source, module).map(Some);
    }
    let Some(path) = find_file(cx, dotted.as_str()) else {
        return Ok(None);
    };
    load_file(cx, dotted, &path).map(Some)
}

fn find_file(cx: &Context, dotted: &str) -> Option<PathBuf> {
    let relative: PathBuf = dotted.split('.').collect();
    let folders = library::modules::sys::search_path(cx);
    folders.iter().find_map(|folder| {
        let base = folder.join(&relative);
        [
            base.with_extension("conc"),
            base.with_extension("py"),
            base.join("__init__.conc"),
            base.join("__init__.py"),
        ]
        .into_iter()
        .find(|path| path.is_file())
        .or_else(|| base.is_dir().then_some(base))
    })
}

fn load_file(cx: &mut Context, dotted: Name, path: &Path) -> Outcome<Ref<Module>> {
    let module = Module::new(dotted, library::builtin);
    cx.session.extensions.get::<HostFunctions>().offer(&module);
    let names = known();
    module.set(names.name, dotted.value());
    if path.is_dir() {
        // A folder without code is a package of what is in it.
        return Ok(module);
    }
    let text = path.display().to_string();
    module.set(names.file, Value::str(text.as_str()));
    let bytes = std::fs::read(path).map_err(|error| {
        Raised::new(
            ExceptionKind::ImportError,
            format!("cannot read '{text}': {error}"),
        )
    })?;
    let source = Source::from_bytes(text.as_str(), bytes);
    run_source(cx, module, source)
}

fn run_source(
    cx: &mut Context,
    module: Ref<Module>,
    source: Result<Source, (Source, Box<SyntaxError>)>,
) -> Outcome<Ref<Module>> {
    let source = match source {
        Ok(source) => Arc::new(source),
        Err((source, error)) => return Err(syntax_raised(&error, &source)),
    };
    run_module(cx, &source, module)
}

/// Runs a module's source in the module.
fn run_module(cx: &mut Context, source: &Arc<Source>, module: Ref<Module>) -> Outcome<Ref<Module>> {
    let dotted = module.name();
    let options = CompileOptions {
        optimise: cx.session.optimise,
        ..CompileOptions::default()
    };
    let program =
        Program::compile(source, options).map_err(|error| syntax_raised(&error, source))?;
    // Seen by an import of itself from what it imports, as far as it has come.
    cx.session.modules.lock().insert(dotted, module.clone());
    if let Err(raised) = run::program(cx, &program.program, &module) {
        let removed = cx.session.modules.lock().remove(&dotted);
        drop(removed);
        return Err(raised);
    }
    Ok(module)
}

/// A syntax error in an imported file, as the exception that the importing script sees.
pub(crate) fn syntax_raised(error: &SyntaxError, source: &Source) -> Raised {
    let kind = match error.kind {
        ErrorKind::Syntax => ExceptionKind::SyntaxError,
        ErrorKind::Indentation => ExceptionKind::IndentationError,
        ErrorKind::Tab => ExceptionKind::TabError,
    };
    let place = SyntaxPlace::of(source, error.span);
    Raised::with_args(
        kind,
        vec![
            Value::str(error.message.as_str()),
            Value::tuple(vec![
                Value::str(place.file),
                Value::size(place.line),
                Value::size(place.start),
                Value::str(place.text),
                Value::size(place.line),
                Value::size(place.end),
            ]),
        ],
    )
}
