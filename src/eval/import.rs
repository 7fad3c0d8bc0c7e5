//! `import`. It must not know where modules come from: the session finds them.

use super::attribute;
use super::context::Context;
use super::import_lock::Turn;
use super::module::Module;
use super::observer::Observer;
use super::stack::Frame;
use super::target;
use crate::resolve::tree::{Import, ImportFrom};
use crate::value::exception::{ExceptionKind, Raised};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value, iterate};

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
        return Err(not_found(dotted, parent.is_some()));
    };
    cx.session.modules.lock().insert(dotted, found.clone());
    let text = dotted.as_str();
    if let (Some(parent), Some((_, last))) = (parent, text.rsplit_once('.')) {
        parent.set(Name::new(last), Value::Module(found.clone()));
    }
    Ok(found)
}

fn not_found(dotted: Name, has_parent: bool) -> Raised {
    let message = match dotted.as_str().rsplit_once('.') {
        Some((parent, _)) if has_parent && !parent.contains('.') => {
            format!("No module named '{dotted}'; '{parent}' is not a package")
        }
        _ => format!("No module named '{dotted}'"),
    };
    let raised = Raised::new(ExceptionKind::ModuleNotFoundError, message);
    if let Some(instance) = raised.exception() {
        instance.set(known().name, dotted.value());
        instance.set(Name::new("name"), dotted.value());
        instance.set(Name::new("path"), Value::None);
    }
    raised
}

/// `import a.b as c`.
pub(super) fn import<O: Observer>(cx: &mut Context, frame: Frame, node: &Import) -> Outcome<()> {
    let last = module(cx, node.module)?;
    let bound = if node.bind_last {
        last
    } else {
        match node.module.as_str().split_once('.') {
            Some((first, _)) => module(cx, Name::new(first))?,
            None => last,
        }
    };
    target::assign::<O>(cx, frame, &node.target, Value::Module(bound))
}

/// `from a import b`.
pub(super) fn import_from<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &ImportFrom,
) -> Outcome<()> {
    if node.level > 0 {
        // Scripts are single files in a folder: a relative import is one from that folder.
        if node.module.as_str().is_empty() {
            let Some(names) = &node.names else {
                return Ok(());
            };
            for (name, target, _) in names {
                let found = module(cx, *name)?;
                target::assign::<O>(cx, frame, target, Value::Module(found))?;
            }
            return Ok(());
        }
    }
    let source = module(cx, node.module)?;
    match &node.names {
        Some(names) => {
            for (name, target, place) in names {
                let value = match member(cx, &source, *name) {
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

fn member(cx: &mut Context, source: &Ref<Module>, name: Name) -> Outcome<Value> {
    let object = Value::Module(source.clone());
    if let Some(value) = attribute::find(cx, &object, name)? {
        return Ok(value);
    }
    let dotted = Name::new(&format!("{}.{name}", source.name()));
    match module(cx, dotted) {
        Ok(found) => Ok(Value::Module(found)),
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

fn import_all(cx: &mut Context, frame: Frame, source: &Ref<Module>) -> Outcome<()> {
    let into = frame.function().linked.module.clone();
    if let Some(all) = source.get(known().all) {
        for name in iterate::collect(cx, &all)? {
            if let Some(text) = name.as_str() {
                let name = Name::new(text);
                let value = attribute::get(cx, &Value::Module(source.clone()), name)?;
                into.set(name, value);
            }
        }
        return Ok(());
    }
    for (name, value) in source.entries() {
        if !name.as_str().starts_with('_') {
            into.set(name, value);
        }
    }
    Ok(())
}
