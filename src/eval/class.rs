//! Class statements, instantiation and `super()`. It must not know how attributes of instances
//! are looked up.

use std::sync::atomic::Ordering;

use super::call::{call, call_function, run_frame_with, with_room};
use super::context::Context;
use super::definition::capture;
use super::expression::evaluate;
use super::function::Function;
use super::observer::Observer;
use super::stack::{At, Frame};
use super::traits::Traits;
use crate::resolve::tree::{MakeClass, NodeId, SpreadItem};
use crate::value::class::{Class, Definition, Layout, Wrapped, linearise};
use crate::value::exception::{ExceptionData, type_error};
use crate::value::function::{Args, Cell};
use crate::value::instance::{Instance, Payload};
use crate::value::iterate;
use crate::value::list::List;
use crate::value::method_cache::MethodCache;
use crate::value::name::{Name, known};
use crate::value::name_table::NameTable;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Set, Value};

/// Evaluates a class statement.
pub(super) fn make<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    id: NodeId,
    node: &MakeClass,
) -> Outcome<Value> {
    let mut bases = Vec::new();
    for base in &node.bases {
        match base {
            SpreadItem::One(expr) => bases.push(evaluate::<O>(cx, frame, expr)?),
            SpreadItem::Many(expr) => {
                let iterable = evaluate::<O>(cx, frame, expr)?;
                bases.extend(iterate::collect(cx, &iterable).at(frame, expr.id)?);
            }
        }
    }
    let mut keywords: Vec<(Name, Value)> = Vec::new();
    for (name, expr) in &node.keywords {
        let value = evaluate::<O>(cx, frame, expr)?;
        let pairs = match name {
            Some(name) => vec![(*name, value)],
            None => {
                let callee = || "__build_class__()".to_owned();
                super::attribute::keyword_pairs(cx, callee, &value).at(frame, expr.id)?
            }
        };
        for (name, value) in pairs {
            if keywords.iter().any(|(known, _)| *known == name) {
                return Err(type_error(format!(
                    "__build_class__() got multiple values for keyword argument '{name}'"
                )))
                .at(frame, expr.id);
            }
            keywords.push((name, value));
        }
    }
    let code = &node.code;
    let function = Ref::new(Function::new(
        code.clone(),
        frame.function().linked.clone(),
        capture(frame, code),
        std::sync::Arc::new([]),
        std::sync::Arc::new([]),
    ));
    let (attributes, cell) = run_body::<O>(cx, &function).at(frame, id)?;
    let class = create(
        cx,
        code.name,
        &bases,
        attributes,
        keywords,
        Some(code.identity()),
    )
    .at(frame, id)?;
    if let Value::Class(class) = &class {
        if node.top_level && !node.made.swap(true, Ordering::Relaxed) {
            class.make_immortal();
        }
        cx.session
            .extensions
            .get::<crate::library::message::Programs>()
            .add_class(class);
        if let Some(cell) = cell {
            cell.set(Value::Class(class.clone()));
        }
    }
    Ok(class)
}

/// Runs a class body and gathers what it set, and the cell of `__class__` if a method uses it.
fn run_body<O: Observer>(
    cx: &mut Context,
    function: &Ref<Function>,
) -> Outcome<(NameTable, Option<Ref<Cell>>)> {
    let code = function.code.clone();
    let room = code.slots() + code.scratch as usize + 1;
    let mut gathered = None;
    with_room(cx, room, |cx| {
        let base = cx.stack.top();
        for _ in 0..code.slots() {
            // SAFETY: room was made for the frame.
            unsafe { cx.stack.push(Value::Unbound) };
        }
        let result = run_frame_with::<O>(cx, function, base, |_, frame| {
            let mut attributes = NameTable::default();
            let mut cell = None;
            let names = known();
            let module = function
                .linked
                .module
                .get(names.name)
                .unwrap_or_else(|| function.linked.module.name().value());
            attributes.set(names.module, module);
            attributes.set(names.qualname, code.qualified_name.value());
            if let Some(doc) = &code.doc {
                attributes.set(names.doc, doc.clone());
            }
            for (slot, &name) in code.slot_names.iter().enumerate() {
                let value = frame.get(slot as u32);
                if Some(slot as u32) == code.class_cell {
                    if let Value::Cell(found) = value {
                        cell = Some(found);
                    }
                } else if !value.is_unbound() && !matches!(value, Value::Cell(_)) {
                    attributes.set(name, value);
                }
            }
            gathered = Some((attributes, cell));
        });
        // SAFETY: everything above the frame is gone.
        unsafe { cx.stack.truncate(base) };
        result
    })?;
    gathered.ok_or_else(|| type_error("a class body ended without a class"))
}

/// Makes a class: what `type(name, bases, attributes)` does, and the class statement.
///
/// # Errors
/// `TypeError` when the bases do not go together, or what `__set_name__` and `__init_subclass__`
/// raise.
pub fn create(
    cx: &mut Context,
    name: Name,
    bases: &[Value],
    mut attributes: NameTable,
    mut keywords: Vec<(Name, Value)>,
    definition: Option<Definition>,
) -> Outcome<Value> {
    let names = known();
    let types = types();
    let stand_in = match keywords
        .iter()
        .position(|(name, _)| *name == names.metaclass)
    {
        Some(place) => base_for_metaclass(&keywords.remove(place).1)?,
        None => None,
    };
    let mut classes = Vec::with_capacity(bases.len());
    for base in bases {
        let Value::Class(base) = base else {
            if let Some(entries) = super::attribute::find(cx, base, Name::new("__mro_entries__"))? {
                let entries = cx.call(&entries, &[Value::tuple(bases.to_vec())])?;
                for entry in iterate::collect(cx, &entries)? {
                    if let Value::Class(class) = entry {
                        classes.push(class);
                    }
                }
                continue;
            }
            return Err(type_error(format!(
                "bases must be types, not '{}'",
                base.type_name()
            )));
        };
        if classes.iter().any(|known: &Ref<Class>| known.same(base)) {
            return Err(type_error(format!("duplicate base class {}", base.name())));
        }
        classes.push(base.clone());
    }
    if let Some(stand_in) = stand_in
        && !classes.iter().any(|class| class.derives_from(&stand_in))
    {
        classes.push(stand_in);
    }
    if classes.is_empty() {
        classes.push(types.object.clone());
    }
    let layout = common_layout(&classes)?;
    let ancestors = linearise(&classes).map_err(|heads| {
        let list: Vec<&str> = heads.iter().map(|class| class.name().as_str()).collect();
        type_error(format!(
            "Cannot create a consistent method resolution order (MRO) for bases {}",
            list.join(", ")
        ))
    })?;
    // These are what their decorators would make of them.
    for (special, payload) in [
        (names.new, Payload::StaticMethod as fn(Value) -> Payload),
        (names.init_subclass, Payload::ClassMethod),
        (names.class_getitem, Payload::ClassMethod),
    ] {
        if let Some(function @ Value::Function(_)) = attributes.get(special).cloned() {
            let class = if special == names.new {
                &types.staticmethod
            } else {
                &types.classmethod
            };
            let wrapped = Instance::new(class.clone(), payload(function));
            drop(attributes.set(special, Value::Instance(wrapped)));
        }
    }
    // Whoever defines equality without a hash cannot be hashed.
    if attributes.get(names.eq).is_some() && attributes.get(names.hash).is_none() {
        attributes.set(names.hash, Value::None);
    }
    let class = Class::new(name, classes, ancestors, attributes, layout, definition);
    let value = Value::Class(class.clone());
    if class.lookup_after(&class, names.abstract_methods).is_some() {
        note_abstract_methods(cx, &class)?;
    }
    for (name, attribute) in class.entries() {
        cx.call_special(&attribute, names.set_name, &[value.clone(), name.value()])?;
    }
    let base = Value::Class(class.clone());
    match class.lookup_after(&class, names.init_subclass) {
        Some(Value::Instance(found)) => {
            if let Payload::ClassMethod(function) = found.payload() {
                let mut values = vec![base];
                let mut keyword_names = Vec::new();
                for (name, value) in keywords {
                    keyword_names.push(name);
                    values.push(value);
                }
                cx.call_with(
                    function,
                    Args {
                        values: &values,
                        names: &keyword_names,
                    },
                )?;
            }
        }
        _ if !keywords.is_empty() => {
            return Err(type_error(format!(
                "{}.__init_subclass__() takes no keyword arguments",
                class.name()
            )));
        }
        _ => {}
    }
    Ok(value)
}

/// The base class that does in conc what a metaclass does, for those that scripts commonly name.
fn base_for_metaclass(metaclass: &Value) -> Outcome<Option<Ref<Class>>> {
    if let Value::Class(class) = metaclass {
        if class.same(&types().type_) {
            return Ok(None);
        }
        if let Some(Value::Class(base)) = class.own(known().stands_for) {
            return Ok(Some(base));
        }
    }
    Err(type_error("conc has no metaclasses"))
}

/// Sets `__abstractmethods__` of a class that derives from `abc.ABC`.
fn note_abstract_methods(cx: &mut Context, class: &Ref<Class>) -> Outcome<()> {
    let names = known();
    let set = Set::new();
    for (name, value) in class.entries() {
        if is_abstract(cx, &value)? {
            set.add(cx, name.value())?;
        }
    }
    for base in class.bases() {
        let Some(inherited) = base.lookup(names.abstract_methods) else {
            continue;
        };
        for name in iterate::collect(cx, &inherited)? {
            if let Some(text) = name.as_str()
                && let Some(found) = class.lookup(Name::new(text))
                && is_abstract(cx, &found)?
            {
                set.add(cx, name)?;
            }
        }
    }
    class.set(names.abstract_methods, Value::FrozenSet(Ref::new(set)));
    Ok(())
}

/// Whether a class attribute was marked by `abc.abstractmethod`, or wraps something that was.
pub fn is_abstract(cx: &mut Context, value: &Value) -> Outcome<bool> {
    match value {
        Value::Function(function) => match function.attribute(known().is_abstract) {
            Some(mark) => crate::value::truth::truthy(cx, &mark),
            None => Ok(false),
        },
        Value::Instance(instance) => match instance.payload() {
            Payload::StaticMethod(inner) | Payload::ClassMethod(inner) => is_abstract(cx, inner),
            Payload::Property(parts) => {
                for part in &parts[..3] {
                    if is_abstract(cx, part)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Payload::None => match super::attribute::find(cx, value, known().is_abstract)? {
                Some(mark) => crate::value::truth::truthy(cx, &mark),
                None => Ok(false),
            },
            _ => Ok(false),
        },
        _ => Ok(false),
    }
}

/// The names of the abstract methods that keep a class from having instances, sorted.
///
/// # Errors
/// What iterating over them raises.
pub fn abstract_methods(cx: &mut Context, class: &Class) -> Outcome<Vec<String>> {
    let Some(names) = class.own(known().abstract_methods) else {
        return Ok(Vec::new());
    };
    let mut texts: Vec<String> = iterate::collect(cx, &names)?
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    texts.sort();
    Ok(texts)
}

fn common_layout(bases: &[Ref<Class>]) -> Outcome<Layout> {
    let mut layout = Layout::Object;
    for base in bases {
        match base.layout() {
            Layout::Sealed => {
                return Err(type_error(format!(
                    "type '{}' is not an acceptable base type",
                    base.name()
                )));
            }
            Layout::Object => {}
            other if layout == Layout::Object || layout == other => layout = other,
            _ => return Err(type_error("multiple bases have instance lay-out conflict")),
        }
    }
    Ok(layout)
}

/// Calls a class: `__new__`, then `__init__`, with the topmost `count` values of the stack, which
/// are gone afterwards.
pub(super) fn instantiate<O: Observer>(
    cx: &mut Context,
    class: &Ref<Class>,
    count: usize,
    names: &[Name],
) -> Outcome<Value> {
    let special = known();
    let traits = Traits::of(class);
    let plain_init = traits.has(Traits::PLAIN_INIT);
    let init = if plain_init {
        None
    } else {
        cx.lookup(class, special.init)
    };
    if traits.has(Traits::PLAIN_NEW) {
        if plain_init && count > 0 {
            // SAFETY: the caller pushed that many.
            drop(unsafe { cx.stack.pop_many(count) });
            return Err(type_error(format!("{}() takes no arguments", class.name())));
        }
        let made = blank(class);
        let Some(init) = init else {
            return Ok(Value::Instance(made));
        };
        let receiver = Value::Instance(made.clone());
        // SAFETY: callers leave room for one more.
        unsafe { cx.stack.insert_below(count, receiver) };
        let result = match &init {
            Value::Function(function) => {
                call_function::<O>(cx, function, count + 1, names).outcome()
            }
            other => super::call::with_room_pushed::<O>(cx, other, count + 1, names),
        }?;
        check_init(&result)?;
        return Ok(Value::Instance(made));
    }
    let new = cx.lookup(class, special.new);
    if class.is_builtin()
        && init.is_none()
        && let Some(Value::Native(new)) = &new
        && cx.stack.has_room(1)
    {
        // SAFETY: checked above.
        unsafe { cx.stack.insert_below(count, Value::Class(class.clone())) };
        return super::call::call_native_with(cx, new, count + 1, names);
    }
    // SAFETY: the caller pushed that many.
    let values = unsafe { cx.stack.pop_many(count) };
    instantiate_generally::<O>(cx, class, new, init, &values, names)
}

#[inline(never)]
fn instantiate_generally<O: Observer>(
    cx: &mut Context,
    class: &Ref<Class>,
    new: Option<Value>,
    init: Option<Value>,
    values: &[Value],
    names: &[Name],
) -> Outcome<Value> {
    let new = match new {
        Some(Value::Instance(found)) => match found.payload() {
            Payload::StaticMethod(function) => function.clone(),
            _ => Value::Instance(found),
        },
        Some(other) => other,
        None => {
            return Err(type_error(format!(
                "cannot create '{}' instances",
                class.name()
            )));
        }
    };
    let mut all = Vec::with_capacity(values.len() + 1);
    all.push(Value::Class(class.clone()));
    all.extend_from_slice(values);
    let made = call::<O>(
        cx,
        &new,
        Args {
            values: &all,
            names,
        },
    )?;
    let Some(init) = init else {
        return Ok(made);
    };
    if !made.class().derives_from(class) {
        return Ok(made);
    }
    all[0] = made.clone();
    let result = match &init {
        Value::Function(_) | Value::Native(_) => call::<O>(
            cx,
            &init,
            Args {
                values: &all,
                names,
            },
        )?,
        other => {
            let bound = super::attribute::bind(cx, other, &made)?;
            call::<O>(cx, &bound, Args { values, names })?
        }
    };
    check_init(&result)?;
    Ok(made)
}

fn check_init(result: &Value) -> Outcome<()> {
    if result.is_none() {
        return Ok(());
    }
    Err(type_error(format!(
        "__init__() should return None, not '{}'",
        result.type_name()
    )))
}

/// An instance of a class as `object.__new__` makes it: with the payload that its layout asks
/// for, empty.
pub fn blank(class: &Ref<Class>) -> Ref<Instance> {
    let payload = match class.layout() {
        Layout::Exception => Payload::Exception(Box::new(ExceptionData::new(Vec::new()))),
        Layout::Wrapper(kind) => Payload::Value(match kind {
            Wrapped::Int => Value::Int(0),
            Wrapped::Float => Value::Float(0.0),
            Wrapped::Str => Value::str(""),
            Wrapped::Bytes => Value::bytes([]),
            Wrapped::Tuple => Value::tuple(Vec::new()),
            Wrapped::List => Value::List(Ref::new(List::new(Vec::new()))),
            Wrapped::Dict => Value::Dict(Ref::new(Dict::new())),
            Wrapped::Set => Value::Set(Ref::new(Set::new())),
            Wrapped::FrozenSet => Value::FrozenSet(Ref::new(Set::new())),
        }),
        Layout::Object | Layout::Native(_) | Layout::Sealed => Payload::None,
    };
    Instance::new(class.clone(), payload)
}

/// The method that `super().name` finds for a receiver that is an instance, remembered by the
/// receiver's shape and the class that it starts after. `None` where more than a look-up is needed.
pub(super) fn method_of_super(
    class: &Value,
    receiver: &Value,
    name: Name,
    cache: &MethodCache,
) -> Option<Value> {
    let (Value::Class(class), Value::Instance(instance)) = (class, receiver) else {
        return None;
    };
    let shape = instance.shape_id();
    let key = u64::from(shape) << 32 | u64::from(class.version());
    if let Some(method) = cache.find_key(key) {
        return Some(method);
    }
    let start = instance.class();
    if !start.derives_from(class) {
        return None;
    }
    let found = start.lookup_after(class, name)?;
    let is_method = matches!(&found, Value::Function(_))
        || matches!(&found, Value::Native(function)
            if function.binding == crate::value::function::Binding::Method);
    if !is_method || name == known().class {
        return None;
    }
    if shape == instance.shape_id() && shape != u32::MAX {
        cache.add(key, &found);
    }
    Some(found)
}

/// `super(class, receiver)`.
///
/// # Errors
/// `TypeError` when the receiver is neither an instance nor a subclass of the class.
pub fn make_super(class: &Value, receiver: &Value) -> Outcome<Value> {
    let Value::Class(class) = class else {
        return Err(type_error(format!(
            "super() argument 1 must be a type, not {}",
            class.type_name()
        )));
    };
    let fits = match receiver {
        Value::Class(other) if other.derives_from(class) => true,
        other => other.class().derives_from(class),
    };
    if !fits {
        let what = match receiver {
            Value::Class(other) => format!("type {}", other.name()),
            other => format!("instance of {}", other.type_name()),
        };
        return Err(type_error(format!(
            "super(type, obj): obj ({what}) is not an instance or subtype of type ({}).",
            class.name()
        )));
    }
    Ok(Value::Instance(Instance::new(
        types().super_.clone(),
        Payload::Super(class.clone(), receiver.clone()),
    )))
}
