//! `import`. It must not know where modules come from: the session finds them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::attribute;
use super::context::Context;
use super::import_lock::Turn;
use super::module::Module;
use super::observer::Observer;
use super::stack::Frame;
use super::target;
use crate::resolve::tree::{Import, ImportFrom};
use crate::runtime::leaf_lock::LeafLock;
use crate::value::exception::{ExceptionKind, Raised};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate};

/// What a script put into `sys.modules` that is no module: what stands for one, or `None` for one that is not to be found.
#[derive(Default)]
struct StandIns(LeafLock<HashMap<Name, Value>>);

/// Whether there was ever one, so that nobody else looks.
static ANY_STAND_IN: AtomicBool = AtomicBool::new(false);

fn stand_in(cx: &Context, dotted: Name) -> Option<Value> {
    if !ANY_STAND_IN.load(Ordering::Acquire) {
        return None;
    }
    let stand_ins = cx.session.extensions.get::<StandIns>();
    let stand_ins = stand_ins.0.lock();
    stand_ins.get(&dotted).cloned()
}

/// All that stands for modules, by their names.
pub fn stand_ins(cx: &Context) -> Vec<(Name, Value)> {
    let stand_ins = cx.session.extensions.get::<StandIns>();
    let pairs = stand_ins.0.lock();
    let pairs = pairs.iter().map(|(name, value)| (*name, value.clone()));
    pairs.collect()
}

/// Has a name lead to `found` from now on, without anything being loaded.
pub fn put(cx: &Context, dotted: Name, found: &Value) {
    forget(cx, dotted);
    if let Value::Module(module) = found {
        let old = cx.session.modules.lock().insert(dotted, module.clone());
        drop(old);
        return;
    }
    let stand_ins = cx.session.extensions.get::<StandIns>();
    ANY_STAND_IN.store(true, Ordering::Release);
    let old = stand_ins.0.lock().insert(dotted, found.clone());
    drop(old);
}

/// Has a module loaded anew when it is imported next.
pub fn forget(cx: &Context, dotted: Name) {
    let module = cx.session.modules.lock().remove(&dotted);
    drop(module);
    let stand_ins = cx.session.extensions.get::<StandIns>();
    let old = stand_ins.0.lock().remove(&dotted);
    drop(old);
}

/// What `import` finds under a name: a module, loaded if need be, or what a script put in its place.
///
/// # Errors
/// As [`module`].
pub fn find(cx: &mut Context, dotted: Name) -> Outcome<Value> {
    match stand_in(cx, dotted) {
        Some(Value::None) => Err(named(
            Raised::new(
                ExceptionKind::ModuleNotFoundError,
                format!("import of {dotted} halted; None in sys.modules"),
            ),
            dotted,
        )),
        Some(found) => Ok(found),
        None => module(cx, dotted).map(Value::Module),
    }
}

/// A module by its dotted name, loaded if need be, with its parents.
///
/// # Errors
/// `ModuleNotFoundError`, or what running the module raises.
pub fn module(cx: &mut Context, dotted: Name) -> Outcome<Ref<Module>> {
    loop {
        let loaded = cx.session.modules.lock().get(&dotted).cloned();
        if let Some(module) = &loaded
            && !cx.session.imports.is_loading(dotted)
        {
            return Ok(module.clone());
        }
        let parent = match dotted.as_str().rsplit_once('.') {
            Some((parent, _)) if loaded.is_none() => Some(module(cx, Name::new(parent))?),
            _ => None,
        };
        let session = cx.session.clone();
        match session.imports.begin(cx, dotted)? {
            Turn::Ours(lock) => {
                let result = load(cx, dotted, parent.as_ref());
                session.imports.end(dotted, &lock);
                return result;
            }
            Turn::AsFarAsItIs => {
                if let Some(module) = loaded {
                    return Ok(module);
                }
                return load(cx, dotted, parent.as_ref());
            }
            Turn::LookAgain => {}
        }
    }
}

fn load(cx: &mut Context, dotted: Name, parent: Option<&Ref<Module>>) -> Outcome<Ref<Module>> {
    // Another thread may have been faster.
    let loaded = cx.session.modules.lock().get(&dotted).cloned();
    if let Some(module) = loaded {
        return Ok(module);
    }
    let load = cx.session.load;
    let Some(found) = load(cx, dotted)? else {
        return Err(not_found(dotted, parent));
    };
    cx.session.modules.lock().insert(dotted, found.clone());
    let text = dotted.as_str();
    if let (Some(parent), Some((_, last))) = (parent, text.rsplit_once('.')) {
        parent.set(Name::new(last), Value::Module(found.clone()));
    }
    Ok(found)
}

fn not_found(dotted: Name, parent: Option<&Ref<Module>>) -> Raised {
    let message = match parent {
        Some(parent) if !is_package(parent) => {
            let parent = dotted
                .as_str()
                .rsplit_once('.')
                .map_or("", |(parent, _)| parent);
            format!("No module named '{dotted}'; '{parent}' is not a package")
        }
        _ => format!("No module named '{dotted}'"),
    };
    named(
        Raised::new(ExceptionKind::ModuleNotFoundError, message),
        dotted,
    )
}

/// Notes on an error which module it is about.
fn named(raised: Raised, dotted: Name) -> Raised {
    if let Some(instance) = raised.exception() {
        instance.set(known().name, dotted.value());
        instance.set(Name::new("name"), dotted.value());
        instance.set(Name::new("path"), Value::None);
    }
    raised
}

/// `import a.b as c`.
pub(super) fn import<O: Observer>(cx: &mut Context, frame: Frame, node: &Import) -> Outcome<()> {
    let last = find(cx, node.module)?;
    let bound = if node.bind_last {
        last
    } else {
        match node.module.as_str().split_once('.') {
            Some((first, _)) => find(cx, Name::new(first))?,
            None => last,
        }
    };
    target::assign::<O>(cx, frame, &node.target, bound)
}

/// `from a import b`.
pub(super) fn import_from<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &ImportFrom,
) -> Outcome<()> {
    let mut dotted = node.module;
    if node.level > 0 {
        let importer = frame.function().linked.module.clone();
        match relative(&importer, node.level, dotted)? {
            Some(found) => dotted = found,
            // Scripts are single files in a folder: a relative import is one from that folder.
            None if dotted.as_str().is_empty() => {
                let Some(names) = &node.names else {
                    return Ok(());
                };
                for (name, target, _) in names {
                    let found = find(cx, *name)?;
                    target::assign::<O>(cx, frame, target, found)?;
                }
                return Ok(());
            }
            None => {}
        }
    }
    let source = find(cx, dotted)?;
    match &node.names {
        Some(names) => {
            for (name, target, place) in names {
                let value = match member(cx, &source, dotted, *name) {
                    Ok(value) => value,
                    Err(raised) => {
                        frame.locate(*place);
                        return Err(raised);
                    }
                };
                target::assign::<O>(cx, frame, target, value)?;
            }
            Ok(())
        }
        None => import_all(cx, frame, &source),
    }
}

/// The whole name of what a module imports with dots in front; `None` in a module that belongs to no package.
fn relative(importer: &Module, level: u32, module: Name) -> Outcome<Option<Name>> {
    let package = package_of(importer);
    if package.is_empty() {
        return Ok(None);
    }
    let mut base = &*package;
    for _ in 1..level {
        let Some((parent, _)) = base.rsplit_once('.') else {
            return Err(Raised::new(
                ExceptionKind::ImportError,
                "attempted relative import beyond top-level package",
            ));
        };
        base = parent;
    }
    Ok(Some(match module.as_str() {
        "" => Name::new(base),
        module => Name::new(&format!("{base}.{module}")),
    }))
}

/// The package that a module belongs to: itself, if it is one. Empty when there is none.
fn package_of(module: &Module) -> String {
    if let Some(Value::Str(package)) = module.get(Name::new("__package__")) {
        return package.as_str().to_owned();
    }
    let name = match module.get(known().name) {
        Some(Value::Str(name)) => name.as_str().to_owned(),
        _ => module.name().as_str().to_owned(),
    };
    if is_package(module) {
        return name;
    }
    match name.rsplit_once('.') {
        Some((package, _)) => package.to_owned(),
        None => String::new(),
    }
}

/// Whether there can be modules below a module.
pub fn is_package(module: &Module) -> bool {
    module.get(Name::new("__path__")).is_some()
}

fn member(cx: &mut Context, source: &Value, dotted: Name, name: Name) -> Outcome<Value> {
    if let Some(value) = attribute::find(cx, source, name)? {
        return Ok(value);
    }
    let Value::Module(source) = source else {
        let error = Raised::new(
            ExceptionKind::ImportError,
            format!("cannot import name '{name}' from '{dotted}' (unknown location)"),
        );
        return Err(named(error, dotted));
    };
    let dotted = Name::new(&format!("{}.{name}", source.name()));
    match find(cx, dotted) {
        Ok(found) => Ok(found),
        Err(raised) if raised.is(ExceptionKind::ModuleNotFoundError) => {
            let place = match source.get(known().file) {
                Some(Value::Str(path)) => path.as_str().to_owned(),
                _ => "unknown location".to_owned(),
            };
            let error = Raised::new(
                ExceptionKind::ImportError,
                format!(
                    "cannot import name '{name}' from '{}' ({place})",
                    source.name()
                ),
            );
            if let Some(instance) = error.exception() {
                instance.set(Name::new("name"), source.name().value());
                instance.set(Name::new("name_from"), name.value());
            }
            Err(error)
        }
        Err(raised) => Err(raised),
    }
}

fn import_all(cx: &mut Context, frame: Frame, source: &Value) -> Outcome<()> {
    let into = frame.function().linked.module.clone();
    if let Some(all) = attribute::find(cx, source, known().all)? {
        for name in iterate::collect(cx, &all)? {
            if let Some(text) = name.as_str() {
                let name = Name::new(text);
                let value = attribute::get(cx, source, name)?;
                into.set(name, value);
            }
        }
        return Ok(());
    }
    let entries = match source {
        Value::Module(module) => module.entries(),
        Value::Instance(instance) => instance.entries(),
        _ => Vec::new(),
    };
    for (name, value) in entries {
        if !name.as_str().starts_with('_') {
            into.set(name, value);
        }
    }
    Ok(())
}
