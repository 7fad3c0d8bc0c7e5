//! `functools.partial`: a function with some arguments already given. It must not know what the
//! function does.

use std::sync::OnceLock;

use crate::eval::context::Context;
use crate::eval::is_callable;
use crate::library::message::Codec;
use crate::library::methods::construct::{class_argument, class_getitem};
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::NativeData;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, text};

/// What a partial carries.
struct Partial {
    function: Value,
    values: Vec<Value>,
    names: Vec<Name>,
    /// The values of `names`.
    named: Vec<Value>,
}

impl NativeData for Partial {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.function);
        self.values.iter().chain(&self.named).for_each(visit);
    }
}

/// The class.
pub fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("functools.partial");
        define::static_methods(&class, &[("__new__", new)]);
        define::class_methods(&class, &[("__class_getitem__", class_getitem)]);
        define::methods(
            &class,
            &[
                ("__init__", |_, _| Ok(Value::None)),
                ("__call__", call),
                ("__repr__", repr),
                ("__reduce__", reduce),
            ],
        );
        define::getters(
            &class,
            &[
                ("func", |_, args| Ok(this(args, "func")?.0.function.clone())),
                ("args", |_, args| {
                    Ok(Value::tuple(this(args, "args")?.0.values.clone()))
                }),
                ("keywords", |_, args| {
                    Ok(this(args, "keywords")?.0.keywords())
                }),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Partial, Args<'a>)> {
    native_object::receiver(args, "functools.partial", method)
}

fn new(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = class_argument(class(), args)?;
    let Some(function) = rest.positional().first() else {
        return Err(type_error("type 'partial' takes at least one argument"));
    };
    if !is_callable(function) {
        return Err(type_error("the first argument must be callable"));
    }
    let rest = rest.rest();
    let mut partial = Partial {
        function: function.clone(),
        values: Vec::new(),
        names: Vec::new(),
        named: Vec::new(),
    };
    // One within another becomes one, unless it has attributes of its own.
    if let Value::Instance(instance) = function
        && let Some(inner) = instance.native::<Partial>()
        && instance.is_empty()
    {
        partial.function = inner.function.clone();
        partial.values = inner.values.clone();
        partial.names = inner.names.clone();
        partial.named = inner.named.clone();
    }
    partial.values.extend_from_slice(rest.positional());
    for (name, value) in rest.keywords() {
        partial.set(name, value.clone());
    }
    Ok(native_object::instance(class, partial))
}

impl Partial {
    fn set(&mut self, name: Name, value: Value) {
        match self.names.iter().position(|known| *known == name) {
            Some(place) => self.named[place] = value,
            None => {
                self.names.push(name);
                self.named.push(value);
            }
        }
    }

    fn keywords(&self) -> Value {
        let pairs = self.names.iter().copied().zip(self.named.iter().cloned());
        Value::Dict(Ref::new(Dict::from_names(pairs)))
    }
}

fn call(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (partial, rest) = this(args, "__call__")?;
    let mut values =
        Vec::with_capacity(partial.values.len() + rest.values.len() + partial.named.len());
    values.extend_from_slice(&partial.values);
    values.extend_from_slice(rest.positional());
    let mut names = Vec::with_capacity(partial.names.len() + rest.names.len());
    for (name, value) in partial.names.iter().zip(&partial.named) {
        names.push(*name);
        values.push(match rest.keyword(name.as_str()) {
            Some(given) => given.clone(),
            None => value.clone(),
        });
    }
    for (name, value) in rest.keywords() {
        if !partial.names.contains(&name) {
            names.push(name);
            values.push(value.clone());
        }
    }
    cx.call_with(
        &partial.function,
        Args {
            values: &values,
            names: &names,
        },
    )
}

fn repr(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (partial, _) = this(args, "__repr__")?;
    let value = &args.values[0];
    let mut out = String::new();
    text::once(cx, &mut out, value, "...", |cx, out| {
        out.push_str(&text::qualified_name(value.class()));
        out.push('(');
        text::write_repr(cx, out, &partial.function)?;
        for value in &partial.values {
            out.push_str(", ");
            text::write_repr(cx, out, value)?;
        }
        for (name, value) in partial.names.iter().zip(&partial.named) {
            out.push_str(&format!(", {name}="));
            text::write_repr(cx, out, value)?;
        }
        out.push(')');
        Ok(())
    })?;
    Ok(Value::str(out))
}

fn parts(value: &Value) -> Option<[Value; 5]> {
    let instance = value.as_instance()?;
    let partial = instance.native::<Partial>()?;
    let attributes = instance.entries();
    Some([
        Value::Class(instance.class().clone()),
        partial.function.clone(),
        Value::tuple(partial.values.clone()),
        partial.keywords(),
        Value::Dict(Ref::new(Dict::from_names(attributes))),
    ])
}

fn reduce(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this(args, "__reduce__")?;
    let Some([class, function, ..]) = parts(&args.values[0]) else {
        return Ok(Value::None);
    };
    let (partial, _) = this(args, "__reduce__")?;
    if partial.names.is_empty() {
        let mut values = vec![function];
        values.extend_from_slice(&partial.values);
        return Ok(Value::tuple_of([class, Value::tuple(values)]));
    }
    // Keyword arguments have no place in what `__reduce__` gives: a partial of the class gets them.
    let mut values = vec![class];
    values.push(function);
    values.extend_from_slice(&partial.values);
    let maker = Partial {
        function: values[0].clone(),
        values: values[1..].to_vec(),
        names: partial.names.clone(),
        named: partial.named.clone(),
    };
    Ok(Value::tuple_of([
        native_object::instance(self::class(), maker),
        Value::tuple(Vec::new()),
    ]))
}

/// How partials travel.
pub const CODEC: Codec = Codec {
    kind: "partial",
    pack: |_, value| parts(value).map(|parts| Ok(Value::tuple(parts.to_vec()))),
    unpack: |_, packed| {
        let damaged = || value_error("a message is damaged: a partial is not as it should be");
        let Value::Tuple(parts) = &packed else {
            return Err(damaged());
        };
        let [
            Value::Class(class),
            function,
            Value::Tuple(values),
            Value::Dict(keywords),
            Value::Dict(attributes),
        ] = parts.items()
        else {
            return Err(damaged());
        };
        if !class.derives_from(self::class()) {
            return Err(damaged());
        }
        let mut partial = Partial {
            function: function.clone(),
            values: values.items().to_vec(),
            names: Vec::new(),
            named: Vec::new(),
        };
        for (name, value) in keywords.entries()? {
            let name = name.as_str().ok_or_else(damaged)?;
            partial.set(Name::new(name), value);
        }
        let made = native_object::instance(class, partial);
        if let Value::Instance(instance) = &made {
            for (name, value) in attributes.entries()? {
                let name = name.as_str().ok_or_else(damaged)?;
                instance.set(Name::new(name), value);
            }
        }
        Ok(made)
    },
};
