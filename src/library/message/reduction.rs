//! What an object says of how it is made again: `__reduce_ex__`, `__reduce__`, and what scripts
//! registered with `copyreg`. It must not know the format.

use std::sync::OnceLock;

use crate::eval::context::Context;
use crate::value::class::Class;
use crate::value::exception::{Raised, type_error};
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, iterate};

/// The protocol that methods are told.
const PROTOCOL: i64 = 4;

/// What scripts registered with `copyreg`, by class.
#[derive(Default)]
pub struct Reductions {
    table: OnceLock<Ref<Dict>>,
}

impl Reductions {
    /// The table, a dict that scripts see.
    pub fn table(&self) -> Ref<Dict> {
        self.table.get_or_init(|| Ref::new(Dict::new())).clone()
    }

    fn existing(&self) -> Option<Ref<Dict>> {
        self.table.get().filter(|table| !table.is_empty()).cloned()
    }
}

/// How an object is made again.
pub enum Reduction {
    /// It is what a module has under this name.
    Global(String),
    /// By a call, and what is done with the result.
    Call(Box<Parts>),
}

/// The parts of a reduction.
pub struct Parts {
    /// What is called.
    pub callable: Value,
    /// With these arguments, a tuple.
    pub args: Value,
    /// The object's state, or `None`.
    pub state: Value,
    /// What is appended to it.
    pub items: Option<Vec<Value>>,
    /// Keys and values that it gets.
    pub pairs: Option<Vec<(Value, Value)>>,
    /// What sets the state, or `None`.
    pub set_state: Value,
}

/// How an object says that it is made again; `None` if it does not say.
///
/// # Errors
/// What its methods raise, `TypeError` for what is no reduction.
pub fn reduction(cx: &mut Context, value: &Value) -> Outcome<Option<Reduction>> {
    let class = value.class().clone();
    if let Some(table) = cx.session.extensions.get::<Reductions>().existing()
        && let Some(function) = table.get(cx, &Value::Class(class.clone()))?
    {
        let made = cx.call(&function, std::slice::from_ref(value))?;
        return read(cx, made).map(Some);
    }
    let made = match (
        own(&class, Name::new("__reduce_ex__")),
        own(&class, known().reduce),
    ) {
        (Some(method), _) => cx.call_found(&method, value, &[Value::Int(PROTOCOL)])?,
        (None, Some(method)) => cx.call_found(&method, value, &[])?,
        (None, None) => return by_new(cx, value, &class),
    };
    read(cx, made).map(Some)
}

/// A method that is not the one that all objects have. Exceptions have one that calls their class
/// again, which many cannot be: they are made as they stand.
fn own(class: &Ref<Class>, name: Name) -> Option<Value> {
    match class.lookup(name)? {
        Value::Native(function) if matches!(function.owner, "object" | "BaseException") => None,
        found => Some(found),
    }
}

/// An object whose class has a `__new__` of its own is made by that, unless it cannot be: then it is
/// made as it stands.
fn by_new(cx: &mut Context, value: &Value, class: &Ref<Class>) -> Outcome<Option<Reduction>> {
    let Value::Instance(instance) = value else {
        return Ok(None);
    };
    if class.is_builtin() || instance.exception().is_some() {
        return Ok(None);
    }
    let (args, keywords) = new_args(cx, value, class)?;
    let given = args.is_some();
    let args = args.unwrap_or_default();
    let new = class.lookup(known().new).map(plain);
    let takes_it = match &new {
        Some(Value::Function(new)) => {
            let needed = new
                .code
                .parameters
                .positional
                .saturating_sub(new.defaults().len());
            given || needed <= 1
        }
        _ => given && !is_wrapping(value),
    };
    if !takes_it {
        return Ok(None);
    }
    let mut all = vec![Value::Class(class.clone())];
    all.extend(args);
    let callable = match keywords {
        Value::None => crate::library::modules::copyreg::newobj(),
        keywords => {
            let positional = Value::tuple(all.split_off(1));
            all.extend([positional, keywords]);
            crate::library::modules::copyreg::newobj_ex()
        }
    };
    Ok(Some(Reduction::Call(Box::new(Parts {
        callable,
        args: Value::tuple(all),
        state: state_of(cx, value)?,
        items: None,
        pairs: None,
        set_state: Value::None,
    }))))
}

/// Whether it carries a value of a built-in type, which makes it complete as it stands.
fn is_wrapping(value: &Value) -> bool {
    value
        .as_instance()
        .is_some_and(|instance| instance.wrapped().is_some())
}

fn plain(found: Value) -> Value {
    use crate::value::instance::Payload;
    match &found {
        Value::Instance(instance) => match instance.payload() {
            Payload::StaticMethod(inner) => inner.clone(),
            _ => found,
        },
        _ => found,
    }
}

/// What `__getnewargs_ex__` or `__getnewargs__` gives.
fn new_args(
    cx: &mut Context,
    value: &Value,
    class: &Ref<Class>,
) -> Outcome<(Option<Vec<Value>>, Value)> {
    let script = |name: &str| {
        let found = class.lookup(Name::new(name));
        found.filter(|found| matches!(found, Value::Function(_)))
    };
    if let Some(method) = script("__getnewargs_ex__") {
        let given = cx.call_found(&method, value, &[])?;
        let Value::Tuple(parts) = &given else {
            return Err(type_error(format!(
                "__getnewargs_ex__ should return a tuple, not '{}'",
                given.type_name()
            )));
        };
        let [Value::Tuple(args), keywords @ Value::Dict(_)] = parts.items() else {
            return Err(type_error(
                "__getnewargs_ex__ should return a tuple of a tuple and a dict",
            ));
        };
        return Ok((Some(args.items().to_vec()), keywords.clone()));
    }
    if let Some(method) = script("__getnewargs__") {
        let given = cx.call_found(&method, value, &[])?;
        return match &given {
            Value::Tuple(args) => Ok((Some(args.items().to_vec()), Value::None)),
            other => Err(type_error(format!(
                "__getnewargs__ should return a tuple, not '{}'",
                other.type_name()
            ))),
        };
    }
    Ok((None, Value::None))
}

/// What `__getstate__` gives, or the attributes.
///
/// # Errors
/// What `__getstate__` raises.
pub fn state_of(cx: &mut Context, value: &Value) -> Outcome<Value> {
    if let Some(getstate) = own(value.class(), known().getstate) {
        return cx.call_found(&getstate, value, &[]);
    }
    let Value::Instance(instance) = value else {
        return Ok(Value::None);
    };
    let entries = instance.entries();
    if entries.is_empty() {
        return Ok(Value::None);
    }
    Ok(Value::Dict(Ref::new(Dict::from_names(entries))))
}

#[cold]
fn wrong(text: &str) -> Raised {
    type_error(text.to_owned())
}

fn read(cx: &mut Context, made: Value) -> Outcome<Reduction> {
    if let Some(name) = made.as_str() {
        return Ok(Reduction::Global(name.to_owned()));
    }
    let Value::Tuple(parts) = made.unwrapped() else {
        return Err(wrong("__reduce__ must return a string or tuple"));
    };
    let parts = parts.items().to_vec();
    if !(2..=6).contains(&parts.len()) {
        return Err(wrong(
            "tuple returned by __reduce__ must contain 2 through 6 elements",
        ));
    }
    if !crate::eval::is_callable(&parts[0]) {
        return Err(wrong(
            "first item of the tuple returned by __reduce__ must be callable",
        ));
    }
    if !matches!(parts[1].unwrapped(), Value::Tuple(_)) {
        return Err(wrong(
            "second item of the tuple returned by __reduce__ must be a tuple",
        ));
    }
    let part = |place: usize| parts.get(place).cloned().unwrap_or_default();
    let items = match part(3) {
        Value::None => None,
        items => Some(iterate::collect(cx, &items)?),
    };
    let pairs = match part(4) {
        Value::None => None,
        pairs => {
            let mut all = Vec::new();
            for pair in iterate::collect(cx, &pairs)? {
                match &iterate::collect(cx, &pair)?[..] {
                    [key, value] => all.push((key.clone(), value.clone())),
                    _ => {
                        return Err(wrong("dict items iterator must return 2-tuples"));
                    }
                }
            }
            Some(all)
        }
    };
    Ok(Reduction::Call(Box::new(Parts {
        callable: part(0),
        args: part(1),
        state: part(2),
        items,
        pairs,
        set_state: part(5),
    })))
}

/// Does what follows the call: state, items, pairs.
///
/// # Errors
/// What the object's methods raise.
pub fn complete(
    cx: &mut Context,
    made: &Value,
    state: Value,
    set_by: &Value,
    items: Option<Vec<Value>>,
    pairs: Option<Vec<(Value, Value)>>,
) -> Outcome<()> {
    for item in items.into_iter().flatten() {
        cx.call_method(made, "append", &[item])?;
    }
    for (key, value) in pairs.into_iter().flatten() {
        crate::value::sequence::set_item(cx, made, &key, value)?;
    }
    if state.is_none() {
        return Ok(());
    }
    if set_by.is_none() {
        return set_state(cx, made, state);
    }
    cx.call(set_by, &[made.clone(), state]).map(drop)
}

/// What `__setstate__` does, or the default of it.
///
/// # Errors
/// What `__setstate__` or setting an attribute raises.
pub fn set_state(cx: &mut Context, object: &Value, state: Value) -> Outcome<()> {
    if cx
        .call_special(object, known().setstate, std::slice::from_ref(&state))?
        .is_some()
    {
        return Ok(());
    }
    let (attributes, slots) = match &state {
        Value::Tuple(parts) => match parts.items() {
            [attributes, slots] => (attributes.clone(), slots.clone()),
            _ => (state.clone(), Value::None),
        },
        _ => (state.clone(), Value::None),
    };
    if let Value::Dict(slots) = &slots {
        for (key, value) in slots.entries()? {
            if let Some(name) = key.as_str() {
                crate::eval::attribute::set(cx, object, Name::new(name), value)?;
            }
        }
    }
    match (object, &attributes) {
        (_, Value::None) => {}
        (Value::Instance(instance), Value::Dict(dict)) => {
            for (key, value) in dict.entries()? {
                if let Some(name) = key.as_str() {
                    instance.set(Name::new(name), value);
                }
            }
        }
        (_, other) => {
            return Err(crate::value::exception::attribute_error(format!(
                "'{}' object has no attribute 'items'",
                other.type_name()
            )));
        }
    }
    Ok(())
}
