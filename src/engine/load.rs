//! Where imported modules come from: the library's own, native or in conc, then files in the session's folders. It
//! must not know how a module is used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::function::HostFunctions;
use super::program::{CompileOptions, Program};
use crate::diagnostics::SyntaxPlace;
use crate::eval::context::Context;
use crate::eval::import;
use crate::eval::module::Module;
use crate::eval::run;
use crate::library;
use crate::syntax::error::{ErrorKind, SyntaxError};
use crate::syntax::source::Source;
use crate::value::exception::{ExceptionKind, Raised};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::types;
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
        let program = compile_source(cx, &source)?;
        return run_program(cx, &program, module).map(Some);
    }
    let Some(path) = find_file(cx, dotted.as_str()) else {
        return Ok(None);
    };
    load_file(cx, dotted, &path).map(Some)
}

/// A module of the library is a package if there are modules below it; `os` has one and is none.
fn mark_package(dotted: Name, module: &Module) {
    if has_below(dotted.as_str()) {
        module.set(Name::new("__path__"), Value::list(Vec::new()));
    }
}

/// Where a module is.
pub(crate) enum Found {
    /// In the library.
    Library {
        /// Whether there are modules below it.
        is_package: bool,
    },
    /// In a file, or a folder without code of its own.
    File(PathBuf),
}

/// Looks for a module without loading it. Those below a package are found once the package is loaded.
pub(crate) fn find(cx: &Context, dotted: &str) -> Option<Found> {
    if library::modules::names().any(|name| name == dotted) {
        let is_package = has_below(dotted);
        return Some(Found::Library { is_package });
    }
    find_file(cx, dotted).map(Found::File)
}

/// Whether there are modules of the library below one.
fn has_below(dotted: &str) -> bool {
    let is_below = |name: &str| {
        let below = name.strip_prefix(dotted);
        below.is_some_and(|below| below.starts_with('.'))
    };
    dotted != "os" && library::modules::names().any(is_below)
}

/// Tells a module that is run from a file what it is: `__spec__` and `__loader__`.
///
/// # Errors
/// None but running out of memory.
pub(crate) fn describe(
    cx: &mut Context,
    module: &Ref<Module>,
    dotted: &str,
    path: &str,
    is_package: bool,
) -> Outcome<()> {
    let specs = import::module(cx, Name::new("_module_spec"))?;
    let give = specs.get(Name::new("give")).unwrap_or_default();
    let args = [
        Value::Module(module.clone()),
        Value::str(dotted),
        Value::str(path),
        Value::Bool(is_package),
    ];
    cx.call(&give, &args).map(drop)
}

/// Runs the text of a file in a module that a script has made.
///
/// # Errors
/// What is wrong with the text, or what running it raises.
pub(crate) fn run_file(
    cx: &mut Context,
    module: Ref<Module>,
    path: &str,
    bytes: Vec<u8>,
) -> Outcome<()> {
    cx.session.extensions.get::<HostFunctions>().offer(&module);
    let dotted = module.name();
    let loaded = cx.session.modules.lock().contains_key(&dotted);
    if !loaded {
        return run_source(cx, module, Source::from_bytes(path, bytes)).map(drop);
    }
    let program = compile(cx, Source::from_bytes(path, bytes))?;
    warn(cx, &program)?;
    run::program(cx, &program.program, &module).map(drop)
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
    describe(cx, &module, dotted.as_str(), &text, is_initial)?;
    let bytes = std::fs::read(path).map_err(|error| {
        Raised::new(
            ExceptionKind::ImportError,
            format!("cannot read '{text}': {error}"),
        )
    })?;
    let source = Source::from_bytes(text.as_str(), bytes);
    run_source(cx, module, source)
}

type Read = Result<Source, (Source, Box<SyntaxError>)>;

fn run_source(cx: &mut Context, module: Ref<Module>, source: Read) -> Outcome<Ref<Module>> {
    let program = compile(cx, source)?;
    warn(cx, &program)?;
    run_program(cx, &program, module)
}

fn compile(cx: &Context, source: Read) -> Outcome<Program> {
    let source = match source {
        Ok(source) => Arc::new(source),
        Err((source, error)) => return Err(syntax_raised(&error, &source)),
    };
    compile_source(cx, &source)
}

/// Shows what there is to warn of in a program, as the filters of `warnings` say.
///
/// # Errors
/// `SyntaxError` where a filter makes errors of warnings.
pub(crate) fn warn(cx: &mut Context, program: &Program) -> Outcome<()> {
    if program.warnings.is_empty() {
        return Ok(());
    }
    let source = program.program.origin.source.clone();
    let warnings = Value::Module(import::module(cx, Name::new("warnings"))?);
    // As CPython shows it, wherever the script was started from.
    let file = match std::path::absolute(source.name()) {
        Ok(path) if path.is_file() => path.to_string_lossy().into_owned(),
        _ => source.name().to_owned(),
    };
    let category = types().exception(ExceptionKind::SyntaxWarning).clone();
    for warning in program.warnings.iter() {
        let args = [
            Value::str(warning.message.as_str()),
            Value::Class(category.clone()),
            Value::str(file.as_str()),
            Value::size(source.line(warning.span.start)),
        ];
        match cx.call_method(&warnings, "warn_explicit", &args) {
            Ok(_) => {}
            Err(raised) if raised.is(ExceptionKind::SyntaxWarning) => {
                let error = SyntaxError::new(warning.message.as_str(), warning.span);
                return Err(syntax_raised(&error, &source));
            }
            Err(raised) => return Err(raised),
        }
    }
    Ok(())
}

fn compile_source(cx: &Context, source: &Arc<Source>) -> Outcome<Program> {
    let options = CompileOptions {
        optimise: cx.session.optimise,
        ..CompileOptions::default()
    };
    Program::compile(source, options).map_err(|error| syntax_raised(&error, source))
}

/// Runs a module's program in the module.
fn run_program(cx: &mut Context, program: &Program, module: Ref<Module>) -> Outcome<Ref<Module>> {
    let dotted = module.name();
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
            Value::tuple_of([
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
