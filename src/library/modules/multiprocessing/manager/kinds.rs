//! The kinds of objects that a manager can be asked for: those that it brings, and those that
//! scripts register. It must not know where the objects live.

use super::{classes, held, proxy_classes};
use crate::eval::context::Context;
use crate::library::define;
use crate::runtime::leaf_lock::LeafLock;
use crate::value::class::Class;
use crate::value::exception::{assertion_error, attribute_error, type_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value, iterate, text};

/// Methods whose results live in the server too, with the kinds of those.
pub type Results = Vec<(String, String)>;

/// A kind.
pub struct Kind {
    /// How an object is made.
    pub maker: Maker,
    /// What of it can be called; what is public, if this says nothing.
    pub exposed: Option<Vec<String>>,
    /// Methods whose results live in the server too.
    pub results: Results,
    /// What makes its proxies, if a script said so: a class, or a function.
    pub proxytype: Value,
}

/// How an object of a kind is made.
pub enum Maker {
    /// As [`held::make`] does.
    Own,
    /// By calling this.
    Callable(Value),
    /// It is the argument.
    Given,
}

/// What scripts registered with the classes that come with the language, by class. Such a class
/// belongs to no session, so it cannot keep them itself.
#[derive(Default)]
pub struct Registered {
    kinds: LeafLock<Vec<(usize, String, Value)>>,
}

/// What is registered under a name with a manager's class or with one that it derives from.
fn registered(cx: &Context, class: &Ref<Class>, typeid: &str) -> Option<Value> {
    let of_builtin = cx.session.extensions.get::<Registered>();
    for class in std::iter::once(class).chain(class.ancestors()) {
        let found = match class.own(Name::new("_registry")) {
            Some(Value::Dict(kinds)) => kinds
                .entries()
                .ok()?
                .into_iter()
                .find(|(name, _)| name.as_str() == Some(typeid))
                .map(|(_, kind)| kind),
            _ if class.is_builtin() => {
                let kinds = of_builtin.kinds.lock();
                let last = kinds
                    .iter()
                    .rev()
                    .find(|(owner, name, _)| *owner == class.address() && name == typeid);
                last.map(|(_, _, kind)| kind.clone())
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Whether scripts have registered this with a class that comes with the language.
pub fn is_registered(cx: &Context, class: &Ref<Class>, typeid: &str) -> bool {
    registered(cx, class, typeid).is_some()
}

/// The kind of this name, as a manager's class has it.
///
/// # Errors
/// `TypeError` for something else registered than lists and dicts of names.
pub fn find(cx: &mut Context, class: &Ref<Class>, typeid: &str) -> Outcome<Option<Kind>> {
    let Some(Value::Tuple(parts)) = registered(cx, class, typeid) else {
        let own = class.derives_from(&classes().sync) && held::TYPES.contains(&typeid);
        return Ok(own.then(|| Kind {
            maker: Maker::Own,
            exposed: None,
            results: proxy_classes::results_of(typeid),
            proxytype: Value::None,
        }));
    };
    let [callable, exposed, results, proxytype] = parts.items() else {
        return Ok(None);
    };
    let results = match results {
        Value::Dict(results) => {
            let pairs = results.entries()?.into_iter();
            pairs
                .filter_map(|(method, kind)| {
                    Some((method.as_str()?.to_owned(), kind.as_str()?.to_owned()))
                })
                .collect()
        }
        _ => Vec::new(),
    };
    Ok(Some(Kind {
        maker: match callable {
            Value::None => Maker::Given,
            callable => Maker::Callable(callable.clone()),
        },
        exposed: names(cx, exposed)?,
        results,
        proxytype: proxytype.clone(),
    }))
}

fn names(cx: &mut Context, exposed: &Value) -> Outcome<Option<Vec<String>>> {
    if exposed.is_none() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for name in iterate::collect(cx, exposed)? {
        match name.as_str() {
            Some(name) => names.push(name.to_owned()),
            None => return Err(type_error("the names of exposed methods must be strings")),
        }
    }
    Ok(Some(names))
}

/// What `register` was given.
pub struct Registration<'a> {
    /// The kind's name.
    pub typeid: &'a str,
    /// What makes an object.
    pub callable: Value,
    /// What makes a proxy.
    pub proxytype: Value,
    /// What can be called.
    pub exposed: Value,
    /// Methods whose results live in the server too.
    pub results: Value,
}

/// Registers a kind with a manager's class.
///
/// # Errors
/// `AssertionError` for what are no names.
pub fn register(cx: &mut Context, class: &Ref<Class>, new: Registration<'_>) -> Outcome<()> {
    let of_proxy = |cx: &mut Context, given: Value, name: &str| -> Outcome<Value> {
        if !given.is_none() || new.proxytype.is_none() {
            return Ok(given);
        }
        let found = crate::eval::attribute::find(cx, &new.proxytype, Name::new(name))?;
        Ok(found.unwrap_or_default())
    };
    let exposed = of_proxy(cx, new.exposed, "_exposed_")?;
    let results = of_proxy(cx, new.results, "_method_to_typeid_")?;
    if let Value::Dict(pairs) = &results {
        for (method, kind) in pairs.entries()? {
            for name in [method, kind] {
                if name.as_str().is_none() {
                    let shown = text::repr(cx, &name)?;
                    return Err(assertion_error(format!("{shown} is not a string")));
                }
            }
        }
    }
    let kind = Value::tuple_of([new.callable, exposed, results, new.proxytype]);
    if class.is_builtin() {
        let kinds = cx.session.extensions.get::<Registered>();
        let entry = (class.address(), new.typeid.to_owned(), kind);
        kinds.kinds.lock().push(entry);
        return Ok(());
    }
    let kinds = match class.own(Name::new("_registry")) {
        Some(Value::Dict(kinds)) => kinds,
        _ => {
            let kinds = Ref::new(Dict::new());
            class.set(Name::new("_registry"), Value::Dict(kinds.clone()));
            kinds
        }
    };
    kinds.set(cx, Value::str(new.typeid), kind)?;
    Ok(())
}

/// The methods of managers of classes that come with the language, for kinds that scripts have
/// registered with those classes.
pub fn install(base: &Class) {
    define::methods(base, &[("__getattr__", get_attribute)]);
}

fn get_attribute(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [object, name] = crate::library::arguments::exactly("__getattr__", args)?;
    let name = name.as_str().unwrap_or_default();
    let class = object.class();
    if !name.starts_with("__") && is_registered(cx, class, name) {
        let maker = super::maker(Name::new(name).as_str());
        return crate::eval::attribute::bind(cx, &maker, object);
    }
    Err(attribute_error(format!(
        "'{}' object has no attribute '{name}'",
        object.type_name()
    )))
}
