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
        mark_package(dotted, &module);
        return Ok(Some(module));
    }
    if let Some(source) = library::source_modules::source(dotted.as_str()) {
        let module = Module::new(dotted, library::builtin);
        module.set(known().name, dotted.value());
        module.set(known().file, Value::str(source.name()));
        mark_package(dotted, &module);
        return run_module(cx, &source, module).map(Some);
    }
    let Some(path) = find_file(cx, dotted.as_str()) else {
        return Ok(None);
    };
    load_file(cx, dotted, &path).map(Some)
}

/// A module of the library is a package if there are modules below it; `os` has one and is none.
fn mark_package(dotted: Name, module: &Module) {
    let is_below = |name: &str| {
        let below = name.strip_prefix(dotted.as_str());
        below.is_some_and(|below| below.starts_with('.'))
    };
    if dotted.as_str() != "os" && library::modules::names().any(is_below) {
        module.set(Name::new("__path__"), Value::list(Vec::new()));
    }
}

fn find_file(cx: &Context, dotted: &str) -> Option<PathBuf> {
    let (folders, name) = match dotted.rsplit_once('.') {
        Some((parent, last)) => (folders_of(cx, parent)?, last),
        None => (library::modules::sys::search_path(cx), dotted),
    };
    folders.iter().find_map(|folder| {
        let base = folder.join(name);
        [
            base.join("__init__.conc"),
            base.join("__init__.py"),
            // Not `with_extension`: a folder's name may have dots.
            folder.join(format!("{name}.conc")),
            folder.join(format!("{name}.py")),
        ]
        .into_iter()
        .find(|path| path.is_file())
        .or_else(|| base.is_dir().then_some(base))
    })
}

/// Where the modules below a package are looked for; `None` below what is no package.
fn folders_of(cx: &Context, package: &str) -> Option<Vec<PathBuf>> {
    let package = cx
        .session
        .modules
        .lock()
        .get(&Name::new(package))
        .cloned()?;
    let path = package.get(Name::new("__path__"))?;
    let folders = match path.unwrapped() {
        Value::List(folders) => folders.snapshot(),
        Value::Tuple(folders) => folders.items().to_vec(),
        _ => return None,
    };
    let folders = folders.iter();
    Some(
        folders
            .filter_map(|folder| folder.unwrapped().as_str().map(PathBuf::from))
            .collect(),
    )
}

fn load_file(cx: &mut Context, dotted: Name, path: &Path) -> Outcome<Ref<Module>> {
    let module = Module::new(dotted, library::builtin);
    cx.session.extensions.get::<HostFunctions>().offer(&module);
    let names = known();
    module.set(names.name, dotted.value());
    let is_initial = path.file_stem().is_some_and(|stem| stem == "__init__");
    let folder = match is_initial {
        true => path.parent(),
        false => Some(path).filter(|path| path.is_dir()),
    };
    let package = match (folder, dotted.as_str().rsplit_once('.')) {
        (Some(_), _) => dotted.as_str(),
        (None, Some((package, _))) => package,
        (None, None) => "",
    };
    module.set(Name::new("__package__"), Value::str(package));
    if let Some(folder) = folder {
        let folder = Value::str(folder.display().to_string());
        module.set(Name::new("__path__"), Value::list(vec![folder]));
    }
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
