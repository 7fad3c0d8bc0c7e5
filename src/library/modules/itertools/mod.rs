//! `itertools`: iterators that are made of others. The classes; what each does stands in the files
//! beside this one. It must not know who asks the iterators.

mod combine;
mod endless;
mod groups;
mod select;

use super::with_functions;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::define::{self, Entries};
use crate::library::methods::construct::class_argument;
use crate::value::class::Class;
use crate::value::exception::{type_error, value_error};
use crate::value::function::{Args, NativeCall};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::iterator_class;
use crate::value::{Outcome, Value, slice};

/// The classes with what makes their iterators: dotted name, class methods, `__new__`.
const CLASSES: &[(&str, NativeCall)] = &[
    ("itertools.count", endless::count),
    ("itertools.cycle", endless::cycle),
    ("itertools.repeat", endless::repeat),
    ("itertools.chain", select::chain),
    ("itertools.compress", select::compress),
    ("itertools.dropwhile", select::dropwhile),
    ("itertools.takewhile", select::takewhile),
    ("itertools.filterfalse", select::filterfalse),
    ("itertools.islice", select::islice),
    ("itertools.starmap", select::starmap),
    ("itertools.accumulate", select::accumulate),
    ("itertools.zip_longest", select::zip_longest),
    ("itertools.pairwise", groups::pairwise),
    ("itertools.batched", groups::batched),
    ("itertools.groupby", groups::groupby),
    ("itertools.product", combine::product),
    ("itertools.permutations", combine::permutations),
    ("itertools.combinations", combine::combinations),
    (
        "itertools.combinations_with_replacement",
        combine::combinations_with_replacement,
    ),
];

const FUNCTIONS: Entries<'_> = &[("tee", groups::tee)];

/// Makes the module.
pub fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("itertools", FUNCTIONS);
    for &(name, new) in CLASSES {
        let class = iterator_class(name);
        define::static_methods(class, &[("__new__", new)]);
        if name == "itertools.chain" {
            define::class_methods(class, &[("from_iterable", select::from_iterable)]);
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        module.set(Name::new(last), Value::Class(class.clone()));
    }
    Ok(module)
}

/// The arguments of a class's `__new__` after the class.
fn arguments<'a>(name: &'static str, args: Args<'a>) -> Outcome<Args<'a>> {
    let class: &Class = iterator_class(name);
    class_argument(class, args).map(|(_, rest)| rest)
}

/// An argument that says how many.
fn size(cx: &mut Context, value: &Value, negative: &str) -> Outcome<usize> {
    match slice::index_value(cx, value)? {
        Value::Int(number) => usize::try_from(number).map_err(|_| value_error(negative)),
        _ => Err(crate::value::exception::overflow_error(
            "Python int too large to convert to C ssize_t",
        )),
    }
}

/// The keyword argument of functions that take any number of positional ones and this one.
fn only_keyword<'a>(
    function: &str,
    args: Args<'a>,
    name: &str,
) -> Outcome<(&'a [Value], Option<&'a Value>)> {
    for (given, _) in args.keywords() {
        if given.as_str() != name {
            return Err(type_error(format!(
                "{function}() got an unexpected keyword argument{}",
                if function == "product" {
                    format!(" '{given}'")
                } else {
                    String::new()
                }
            )));
        }
    }
    Ok((args.positional(), args.keyword(name)))
}
