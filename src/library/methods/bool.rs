//! `bool`: its constructor and what differs from `int`.

use super::construct::class_argument;
use crate::eval::context::Context;
use crate::library::{arguments, define};
use crate::value::function::Args;
use crate::value::operator::BinaryOperator;
use crate::value::types::types;
use crate::value::{Outcome, Value, arithmetic};

/// Puts the methods of `bool` into its class. Everything else it has from `int`.
pub fn install() {
    let class = &types().bool;
    define::static_methods(class, &[("__new__", new)]);
    define::methods(
        class,
        &[
            ("__repr__", |_, args| shown(args, "__repr__")),
            ("__str__", |_, args| shown(args, "__str__")),
            ("__and__", |cx, args| {
                logical(cx, args, BinaryOperator::BitAnd)
            }),
            ("__rand__", |cx, args| {
                logical(cx, args, BinaryOperator::BitAnd)
            }),
            ("__or__", |cx, args| {
                logical(cx, args, BinaryOperator::BitOr)
            }),
            ("__ror__", |cx, args| {
                logical(cx, args, BinaryOperator::BitOr)
            }),
            ("__xor__", |cx, args| {
                logical(cx, args, BinaryOperator::BitXor)
            }),
            ("__rxor__", |cx, args| {
                logical(cx, args, BinaryOperator::BitXor)
            }),
        ],
    );
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (_, args) = class_argument(&types().bool, args)?;
    arguments::no_keywords("bool", args)?;
    let flag = match arguments::between("bool", args, 0, 1)?.first() {
        None => false,
        Some(value) => arguments::truth(cx, value)?,
    };
    Ok(Value::Bool(flag))
}

fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(bool, Args<'a>)> {
    match args.positional().first() {
        Some(Value::Bool(flag)) => Ok((*flag, args.rest())),
        _ => Err(arguments::bad_receiver("bool", method, args)),
    }
}

fn shown(args: Args<'_>, method: &'static str) -> Outcome<Value> {
    let (flag, _) = receiver(args, method)?;
    Ok(Value::str(if flag { "True" } else { "False" }))
}

fn logical(cx: &mut Context, args: Args<'_>, operator: BinaryOperator) -> Outcome<Value> {
    let (flag, args) = receiver(args, operator.method().as_str())?;
    let other = arguments::one(operator.method().as_str(), args)?.unwrapped();
    match other {
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) => {
            arithmetic::binary(cx, operator, &Value::Bool(flag), other)
        }
        _ => Ok(Value::NotImplemented),
    }
}
