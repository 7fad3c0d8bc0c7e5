//! `BaseExceptionGroup` and `ExceptionGroup`: making them and splitting them. It must not know
//! `except*`.

use super::{blank, fields, receiver};
use crate::eval::context::Context;
use crate::library::methods::construct::{class_argument, class_getitem};
use crate::library::{arguments, define};
use crate::value::class::Class;
use crate::value::exception::{ExceptionKind, type_error, value_error};
use crate::value::function::Args;
use crate::value::instance::Instance;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::types::{Types, types};
use crate::value::{Outcome, Value, iterate, text, truth};

pub(super) fn install(types: &Types) {
    let class = types.exception(ExceptionKind::BaseExceptionGroup);
    define::static_methods(class, &[("__new__", new)]);
    define::class_methods(class, &[("__class_getitem__", class_getitem)]);
    define::methods(
        class,
        &[
            ("__str__", to_str),
            ("derive", derive),
            ("split", split),
            ("subgroup", subgroup),
        ],
    );
    fields!(class;
        "message" |args| args.first().cloned(),
        "exceptions" |args| match args.get(1) {
            Some(Value::List(items)) => Some(Value::tuple(items.snapshot())),
            Some(items) => Some(items.clone()),
            None => None,
        },
    );
}

fn is_a(value: &Value, kind: ExceptionKind) -> bool {
    value.as_instance().is_some_and(|instance| {
        instance.exception().is_some() && instance.class().derives_from(types().exception(kind))
    })
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let types = types();
    let own = types.exception(ExceptionKind::BaseExceptionGroup);
    let (class, args) = class_argument(own, args)?;
    let [message, exceptions] = args.positional() else {
        return Err(type_error(format!(
            "BaseExceptionGroup.__new__() takes exactly 2 arguments ({} given)",
            args.positional().len()
        )));
    };
    arguments::text(message, "BaseExceptionGroup.__new__() argument 1")?;
    let items = match exceptions.unwrapped() {
        Value::Set(_)
        | Value::FrozenSet(_)
        | Value::Dict(_)
        | Value::Iterator(_)
        | Value::Generator(_) => None,
        sequence => iterate::try_iterate(cx, sequence)?,
    };
    let Some(items) = items else {
        return Err(type_error(
            "second argument (exceptions) must be a sequence",
        ));
    };
    let items = iterate::collect_rest(cx, &items)?;
    if items.is_empty() {
        return Err(value_error(
            "second argument (exceptions) must be a non-empty sequence",
        ));
    }
    let mut class = class;
    let mut all_plain = true;
    for (index, item) in items.iter().enumerate() {
        if !is_a(item, ExceptionKind::BaseException) {
            return Err(value_error(format!(
                "Item {index} of second argument (exceptions) is not an exception"
            )));
        }
        all_plain &= is_a(item, ExceptionKind::Exception);
    }
    let plain_group = types.exception(ExceptionKind::ExceptionGroup);
    if all_plain && class.same(own) {
        class = plain_group;
    } else if !all_plain && class.same(plain_group) {
        return Err(type_error(
            "Cannot nest BaseExceptions in an ExceptionGroup",
        ));
    } else if !all_plain && class.derives_from(types.exception(ExceptionKind::Exception)) {
        return Err(type_error(format!(
            "Cannot nest BaseExceptions in '{}'",
            class.name()
        )));
    }
    let made = blank(class, args.positional());
    made.set(Name::new("message"), message.clone());
    made.set(Name::new("exceptions"), Value::tuple(items));
    Ok(Value::Instance(made))
}

/// Message and members of a group.
fn parts(group: &Instance) -> (Value, Vec<Value>) {
    let message = group.get(Name::new("message")).unwrap_or(Value::None);
    let members = match group.get(Name::new("exceptions")) {
        Some(Value::Tuple(members)) => members.items().to_vec(),
        _ => Vec::new(),
    };
    (message, members)
}

fn to_str(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (group, _, _) = receiver(args, "__str__")?;
    let (message, members) = parts(group);
    let plural = if members.len() == 1 { "" } else { "s" };
    Ok(Value::from(format!(
        "{} ({} sub-exception{plural})",
        text::to_str(cx, &message)?,
        members.len()
    )))
}

fn derive(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (group, _, args) = receiver(args, "derive")?;
    let members = arguments::one("BaseExceptionGroup.derive", args)?;
    let class = types().exception(ExceptionKind::BaseExceptionGroup);
    let (message, _) = parts(group);
    cx.call(&Value::Class(class.clone()), &[message, members.clone()])
}

/// What decides which members go where.
enum Matcher<'a> {
    Classes(Vec<Ref<Class>>),
    Call(&'a Value),
}

impl<'a> Matcher<'a> {
    fn new(value: &'a Value) -> Outcome<Matcher<'a>> {
        let base = types().exception(ExceptionKind::BaseException);
        let class = |value: &Value| match value {
            Value::Class(class) if class.derives_from(base) => Some(class.clone()),
            _ => None,
        };
        let found = match value {
            Value::Class(_) => class(value).map(|class| vec![class]),
            Value::Tuple(kinds) => kinds.items().iter().map(class).collect(),
            Value::Function(_) | Value::Native(_) | Value::Method(_) => {
                return Ok(Matcher::Call(value));
            }
            Value::Instance(instance) if instance.class().lookup(known().call).is_some() => {
                return Ok(Matcher::Call(value));
            }
            _ => None,
        };
        found.map(Matcher::Classes).ok_or_else(|| {
            type_error(
                "expected an exception type, a tuple of exception types, or a callable (other \
                 than a class)",
            )
        })
    }

    fn accepts(&self, cx: &mut Context, exception: &Value) -> Outcome<bool> {
        match self {
            Matcher::Classes(classes) => Ok(classes
                .iter()
                .any(|class| exception.class().derives_from(class))),
            Matcher::Call(function) => {
                let result = cx.call(function, std::slice::from_ref(exception))?;
                truth::truthy(cx, &result)
            }
        }
    }
}

fn split(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (group, _, args) = receiver(args, "split")?;
    let matcher = arguments::one("BaseExceptionGroup.split", args)?;
    let matcher = Matcher::new(matcher)?;
    let (matched, rest) = divide(cx, group, &matcher, true)?;
    Ok(Value::tuple_of([matched, rest]))
}

fn subgroup(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (group, _, args) = receiver(args, "subgroup")?;
    let matcher = arguments::one("BaseExceptionGroup.subgroup", args)?;
    let matcher = Matcher::new(matcher)?;
    Ok(divide(cx, group, &matcher, false)?.0)
}

/// The group of the members that match and, if wanted, that of the others; `None` for neither.
fn divide(
    cx: &mut Context,
    group: &Ref<Instance>,
    matcher: &Matcher<'_>,
    wants_rest: bool,
) -> Outcome<(Value, Value)> {
    cx.check_stack(" in exceptiongroup_split_recursive")?;
    let this = Value::Instance(group.clone());
    if matcher.accepts(cx, &this)? {
        return Ok((this, Value::None));
    }
    let (mut matched, mut rest) = (Vec::new(), Vec::new());
    for member in parts(group).1 {
        match &member {
            Value::Instance(inner) if is_a(&member, ExceptionKind::BaseExceptionGroup) => {
                let (inner_matched, inner_rest) = divide(cx, inner, matcher, wants_rest)?;
                matched.extend(Some(inner_matched).filter(|value| !value.is_none()));
                rest.extend(Some(inner_rest).filter(|value| !value.is_none()));
            }
            _ if matcher.accepts(cx, &member)? => matched.push(member),
            _ => rest.push(member),
        }
    }
    let matched = subset(cx, group, matched)?;
    let rest = if wants_rest {
        subset(cx, group, rest)?
    } else {
        Value::None
    };
    Ok((matched, rest))
}

/// A group like this one with other members; `None` without any.
fn subset(cx: &mut Context, group: &Ref<Instance>, members: Vec<Value>) -> Outcome<Value> {
    if members.is_empty() {
        return Ok(Value::None);
    }
    let this = Value::Instance(group.clone());
    let made = cx.call_method(&this, "derive", &[Value::list(members)])?;
    if !is_a(&made, ExceptionKind::BaseExceptionGroup) {
        return Err(type_error(
            "derive must return an instance of BaseExceptionGroup",
        ));
    }
    if let (Some(instance), Some(old)) = (made.as_instance(), group.exception())
        && let Some(data) = instance.exception()
    {
        data.set_trace(old.trace());
        data.set_context(old.context());
        data.set_cause(old.cause());
        if let Some(Value::List(notes)) = group.get(known().notes) {
            instance.set(known().notes, Value::list(notes.snapshot()));
        }
    }
    Ok(made)
}
