//! `except*`. It must not know how groups are split: they do that themselves.

use super::context::Context;
use super::expression::evaluate;
use super::handle::{chain_context, run_handler};
use super::observer::Observer;
use super::stack::{At, Frame, Located};
use super::statement::Flow;
use crate::resolve::tree::Try;
use crate::value::exception::{ExceptionKind, Raised, make, type_error};
use crate::value::instance::Instance;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Outcome, Value};

/// Runs the `except*` clauses that take part of an exception, and raises what is left together
/// with what they raised.
pub(super) fn catch_star<O: Observer>(
    cx: &mut Context,
    frame: Frame,
    node: &Try,
    exception: Ref<Instance>,
) -> Outcome<Flow> {
    let group_class = types().exception(ExceptionKind::BaseExceptionGroup);
    let was_group = exception.class().derives_from(group_class);
    let previous = std::mem::replace(&mut cx.handled, Value::Instance(exception.clone()));
    let mut rest = Some(if was_group {
        exception.clone()
    } else {
        group_of(Value::tuple_of([Value::Instance(exception.clone())]))
    });
    let mut raised_anew: Vec<Value> = Vec::new();
    let mut stop = None;
    for handler in &node.handlers {
        let (Some(current), Some(kind)) = (rest.clone(), &handler.kind) else {
            break;
        };
        let result = (|| {
            let kind_value = evaluate::<O>(cx, frame, kind)?;
            check_kind(&kind_value).at(frame, kind.id)?;
            if !was_group {
                // An exception by itself is wrapped as it is, not split.
                let naked = Value::Instance(current.clone());
                return Ok(if is_of_kind(&exception, &kind_value) {
                    (naked, Value::None)
                } else {
                    (Value::None, naked)
                });
            }
            let parts = cx
                .call_method(&Value::Instance(current.clone()), "split", &[kind_value])
                .at(frame, kind.id)?;
            match parts {
                Value::Tuple(parts) if parts.items().len() == 2 => {
                    Ok((parts.items()[0].clone(), parts.items()[1].clone()))
                }
                _ => Err(type_error("split must return a tuple of two groups")),
            }
        })();
        let (matched, left) = match result {
            Ok(parts) => parts,
            Err(error) => {
                stop = Some(error);
                break;
            }
        };
        rest = left.as_instance().cloned();
        let Value::Instance(matched) = matched else {
            continue;
        };
        if let (Some(data), Some(original)) = (matched.exception(), exception.exception())
            && data.trace().is_empty()
        {
            data.set_trace(original.trace());
        }
        cx.handled = Value::Instance(matched.clone());
        match run_handler::<O>(cx, frame, handler, &matched) {
            Ok(_) => {}
            Err(error) => match error.exception().cloned() {
                Some(newer) => {
                    super::call::leave_trace(frame.record(), &error);
                    frame.record().located.set(Located::No);
                    chain_context(&newer, &Value::Instance(matched));
                    raised_anew.push(Value::Instance(newer));
                }
                None => {
                    stop = Some(error);
                    break;
                }
            },
        }
        cx.handled = Value::Instance(exception.clone());
    }
    cx.handled = previous;
    if let Some(stop) = stop {
        return Err(stop);
    }
    if raised_anew.is_empty() {
        return match rest {
            None => Ok(Flow::Next),
            Some(_) if !was_group => {
                frame.record().located.set(Located::Entered);
                Err(Raised::instance(exception))
            }
            Some(rest) => {
                frame.record().located.set(Located::Entered);
                Err(Raised::instance(rest))
            }
        };
    }
    if let Some(rest) = rest {
        raised_anew.push(Value::Instance(rest));
    }
    if let [Value::Instance(only)] = &raised_anew[..] {
        let only_is_group = only.class().derives_from(group_class);
        if only_is_group || was_group {
            frame.record().located.set(Located::Entered);
            let raised = if only_is_group {
                only.clone()
            } else {
                group_of(Value::list(raised_anew.clone()))
            };
            return Err(Raised::instance(raised));
        }
    }
    Err(Raised::instance(group_of(Value::list(raised_anew))))
}

fn check_kind(kind: &Value) -> Outcome<()> {
    let types = types();
    let list = match kind {
        Value::Tuple(kinds) => kinds.items().to_vec(),
        other => vec![other.clone()],
    };
    for kind in list {
        match kind {
            Value::Class(class)
                if class.derives_from(types.exception(ExceptionKind::BaseExceptionGroup)) =>
            {
                return Err(type_error(
                    "catching ExceptionGroup with except* is not allowed. Use except instead.",
                ));
            }
            Value::Class(class)
                if class.derives_from(types.exception(ExceptionKind::BaseException)) => {}
            _ => {
                return Err(type_error(
                    "catching classes that do not inherit from BaseException is not allowed",
                ));
            }
        }
    }
    Ok(())
}

/// Whether an exception is of this class or one of these.
fn is_of_kind(exception: &Instance, kind: &Value) -> bool {
    match kind {
        Value::Class(class) => exception.class().derives_from(class),
        Value::Tuple(kinds) => kinds.items().iter().any(|kind| is_of_kind(exception, kind)),
        _ => false,
    }
}

/// A group of the exceptions in this list or tuple.
fn group_of(exceptions: Value) -> Ref<Instance> {
    let types = types();
    let items = match &exceptions {
        Value::List(items) => items.snapshot(),
        Value::Tuple(items) => items.items().to_vec(),
        _ => Vec::new(),
    };
    let plain = items.iter().all(|value| {
        value
            .class()
            .derives_from(types.exception(ExceptionKind::Exception))
    });
    let kind = if plain {
        ExceptionKind::ExceptionGroup
    } else {
        ExceptionKind::BaseExceptionGroup
    };
    let group = make(
        types.exception(kind).clone(),
        vec![Value::str(""), exceptions],
    );
    group.set(crate::value::name::Name::new("message"), Value::str(""));
    group.set(
        crate::value::name::Name::new("exceptions"),
        Value::tuple(items),
    );
    group
}
