//! `operator`: the operators as functions, and what makes functions that look something up. It
//! must not know how any operator works.

pub mod getters;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::arguments::{self, exactly, one};
use crate::library::define::Entries;
use crate::value::exception::{type_error, value_error};
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::operator::{BinaryOperator, Comparison, UnaryOperator};
use crate::value::{
    Outcome, Value, arithmetic, compare, iterate, membership, sequence, slice, truth,
};

macro_rules! binary {
    ($function:literal, $op:ident) => {
        ($function, |cx, args| {
            let [left, right] = exactly($function, args)?;
            arithmetic::binary(cx, BinaryOperator::$op, left, right)
        })
    };
}

macro_rules! in_place {
    ($function:literal, $op:ident) => {
        ($function, |cx, args| {
            let [left, right] = exactly($function, args)?;
            arithmetic::in_place(cx, BinaryOperator::$op, left, right)
        })
    };
}

macro_rules! unary {
    ($function:literal, $op:ident) => {
        ($function, |cx, args| {
            let value = one(concat!("_operator.", $function), args)?;
            arithmetic::unary(cx, UnaryOperator::$op, value)
        })
    };
}

macro_rules! comparison {
    ($function:literal, $op:ident) => {
        ($function, |cx, args| {
            let [left, right] = exactly($function, args)?;
            compare::compare(cx, Comparison::$op, left, right)
        })
    };
}

const FUNCTIONS: Entries<'_> = &[
    binary!("add", Add),
    binary!("sub", Subtract),
    binary!("mul", Multiply),
    binary!("truediv", Divide),
    binary!("floordiv", FloorDivide),
    binary!("mod", Modulo),
    binary!("pow", Power),
    binary!("matmul", MatrixMultiply),
    binary!("lshift", ShiftLeft),
    binary!("rshift", ShiftRight),
    binary!("and_", BitAnd),
    binary!("or_", BitOr),
    binary!("xor", BitXor),
    in_place!("iadd", Add),
    in_place!("isub", Subtract),
    in_place!("imul", Multiply),
    in_place!("itruediv", Divide),
    in_place!("ifloordiv", FloorDivide),
    in_place!("imod", Modulo),
    in_place!("ipow", Power),
    in_place!("imatmul", MatrixMultiply),
    in_place!("ilshift", ShiftLeft),
    in_place!("irshift", ShiftRight),
    in_place!("iand", BitAnd),
    in_place!("ior", BitOr),
    in_place!("ixor", BitXor),
    in_place!("iconcat", Add),
    unary!("neg", Negate),
    unary!("pos", Plus),
    unary!("inv", Invert),
    unary!("invert", Invert),
    comparison!("eq", Equal),
    comparison!("ne", NotEqual),
    comparison!("lt", Less),
    comparison!("le", LessEqual),
    comparison!("gt", Greater),
    comparison!("ge", GreaterEqual),
    ("abs", |cx, args| {
        let value = one("_operator.abs", args)?;
        builtin(cx, "abs", value)
    }),
    ("not_", |cx, args| {
        let value = one("_operator.not_", args)?;
        Ok(Value::Bool(!truth::truthy(cx, value)?))
    }),
    ("truth", |cx, args| {
        let value = one("_operator.truth", args)?;
        Ok(Value::Bool(truth::truthy(cx, value)?))
    }),
    ("is_", |_, args| {
        let [left, right] = exactly("is_", args)?;
        Ok(Value::Bool(left.same(right)))
    }),
    ("is_not", |_, args| {
        let [left, right] = exactly("is_not", args)?;
        Ok(Value::Bool(!left.same(right)))
    }),
    ("index", |cx, args| {
        slice::index_value(cx, one("_operator.index", args)?)
    }),
    ("concat", concat),
    ("contains", |cx, args| {
        let [container, item] = exactly("contains", args)?;
        membership::contains(cx, container, item).map(Value::Bool)
    }),
    ("getitem", |cx, args| {
        let [container, key] = exactly("getitem", args)?;
        sequence::get_item(cx, container, key)
    }),
    ("setitem", |cx, args| {
        let [container, key, value] = exactly("setitem", args)?;
        sequence::set_item(cx, container, key, value.clone())?;
        Ok(Value::None)
    }),
    ("delitem", |cx, args| {
        let [container, key] = exactly("delitem", args)?;
        sequence::delete_item(cx, container, key)?;
        Ok(Value::None)
    }),
    ("countOf", count_of),
    ("indexOf", index_of),
    ("length_hint", length_hint),
    ("call", |cx, args| {
        let callee = args
            .positional()
            .first()
            .ok_or_else(|| type_error("call expected at least 1 argument, got 0"))?;
        cx.call_with(callee, args.rest())
    }),
];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("operator", FUNCTIONS);
    for &(name, _) in FUNCTIONS {
        let bare = name.trim_end_matches('_');
        let is_operator = !matches!(
            bare,
            "is" | "is_not" | "truth" | "countOf" | "indexOf" | "length_hint"
        );
        if is_operator && let Some(function) = module.get(Name::new(name)) {
            module.set(Name::new(&format!("__{bare}__")), function);
        }
    }
    for class in getters::classes() {
        module.set(
            Name::new(class.name().as_str().trim_start_matches("operator.")),
            Value::Class(class.clone()),
        );
    }
    Ok(module)
}

fn builtin(cx: &mut Context, name: &str, value: &Value) -> Outcome<Value> {
    let function = crate::library::builtin(Name::new(name));
    cx.call(&function, std::slice::from_ref(value))
}

fn concat(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [left, right] = exactly("concat", args)?;
    let is_sequence = !matches!(
        left.unwrapped(),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Bool(_) | Value::None
    );
    if !is_sequence {
        return Err(type_error(format!(
            "'{}' object can't be concatenated",
            left.type_name()
        )));
    }
    arithmetic::binary(cx, BinaryOperator::Add, left, right)
}

fn count_of(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [items, wanted] = exactly("countOf", args)?;
    let mut count = 0;
    iterate::for_each(cx, items, |cx, item| {
        if compare::identical_or_equal(cx, &item, wanted)? {
            count += 1;
        }
        Ok(())
    })?;
    Ok(Value::Int(count))
}

fn index_of(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [items, wanted] = exactly("indexOf", args)?;
    let mut place = 0;
    let found = iterate::find_map(cx, items, |cx, item| {
        place += 1;
        Ok(compare::identical_or_equal(cx, &item, wanted)?.then_some(place - 1))
    })?;
    match found {
        Some(place) => Ok(Value::Int(place)),
        None => Err(value_error("sequence.index(x): x not in sequence")),
    }
}

fn length_hint(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("length_hint", args, 1, 2)?;
    let value = &values[0];
    if let Value::Iterator(iterator) = value
        && let Some(hint) = iterator.kind().length_hint()
    {
        return Ok(Value::size(hint));
    }
    if let Value::Instance(instance) = value {
        if let Some(length) = sequence::try_length(cx, value, instance)? {
            return Ok(Value::size(length));
        }
        if let Some(hint) = cx.call_special(value, known().length_hint, &[])? {
            return Ok(hint);
        }
    } else if let Ok(length) = sequence::length(cx, value) {
        return Ok(Value::size(length));
    }
    Ok(values.get(1).cloned().unwrap_or(Value::Int(0)))
}
