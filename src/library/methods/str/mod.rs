//! `str`: its constructor and methods. Characters are counted, not bytes. It must not know how
//! texts are stored beyond what `Str` offers.

mod make;
mod search;
mod shape;
mod split;

use crate::eval::context::Context;
use crate::library::methods::construct::{class_argument, wrap};
use crate::library::methods::special::{Install, StrKind, operators};
use crate::library::{arguments, define};
use crate::value::buffer::BytesLike;
use crate::value::exception::type_error;
use crate::value::format;
use crate::value::function::Args;
use crate::value::object::Ref;
use crate::value::string::Str;
use crate::value::types::types;
use crate::value::{Outcome, Value, codec, letter_case, text, unicode};

/// Puts the methods of `str` into its class.
pub fn install() {
    let class = &types().str;
    Install::<StrKind>::into(class)
        .shown()
        .hashed()
        .container()
        .indexed()
        .ordered()
        .operator::<operators::Add>()
        .both::<operators::Multiply>()
        .operator::<operators::Modulo>();
    define::static_methods(class, &[("__new__", new), ("maketrans", make::maketrans)]);
    define::methods(
        class,
        &[
            ("__str__", to_str),
            ("__format__", format_method),
            ("__getnewargs__", new_arguments),
            ("format", format_template),
            ("format_map", format_map),
            ("encode", encode),
            ("isalnum", is_alnum),
            ("isalpha", is_alpha),
            ("isascii", is_ascii),
            ("isdecimal", is_decimal),
            ("isdigit", is_digit),
            ("isidentifier", is_identifier),
            ("islower", is_lower),
            ("isnumeric", is_numeric),
            ("isprintable", is_printable),
            ("isspace", is_space),
            ("istitle", is_title),
            ("isupper", is_upper),
            ("capitalize", capitalize),
            ("casefold", casefold),
            ("lower", lower),
            ("swapcase", swapcase),
            ("title", title),
            ("upper", upper),
        ],
    );
    search::install(class);
    shape::install(class);
    split::install(class);
    make::install(class);
}

/// The receiver, and the arguments after it.
#[inline(always)]
fn receiver<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Ref<Str>, Args<'a>)> {
    arguments::receiver(args, method)
}

/// The receiver as a result: itself where it is a plain `str`.
fn itself(receiver: &Ref<Str>) -> Value {
    Value::Str(receiver.clone())
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let own = &crate::value::types::types().str;
    let (class, args) = class_argument(own, args)?;
    let value = construct(cx, args)?;
    Ok(wrap(class, own, value))
}

const STR: arguments::Signature<3> =
    arguments::Signature::new("str", ["object", "encoding", "errors"]);

fn construct(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    if let ([value], []) = (args.values, args.names) {
        return text::str_value(cx, value);
    }
    if args.names.is_empty() {
        arguments::between("str", args, 0, 3)?;
    }
    let [object, encoding, errors] = STR.bind(args)?;
    let named = |value: Option<&Value>, what: &str, default: &'static str| match value {
        None => Ok(default.to_owned()),
        Some(value) => arguments::text(value, what).map(|text| text.as_str().to_owned()),
    };
    let decoding = encoding.is_some() || errors.is_some();
    let encoding = named(encoding, "str() argument 'encoding'", "utf-8")?;
    let errors = named(errors, "str() argument 'errors'", "strict")?;
    let Some(object) = object else {
        return Ok(Value::str(""));
    };
    if !decoding {
        return text::to_str(cx, object).map(Value::from);
    }
    match BytesLike::of(object) {
        Some(bytes) => codec::decode(&bytes, &encoding, &errors).map(Value::from),
        None if matches!(object.unwrapped(), Value::Str(_)) => {
            Err(type_error("decoding str is not supported"))
        }
        None => Err(type_error(format!(
            "decoding to str: need a bytes-like object, {} found",
            object.type_name()
        ))),
    }
}

fn to_str(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "__str__")?;
    arguments::none("str.__str__", args)?;
    Ok(itself(text))
}

fn new_arguments(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "__getnewargs__")?;
    arguments::none("str.__getnewargs__", args)?;
    Ok(Value::tuple_of([itself(text)]))
}

fn format_method(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let type_name = args.values.first().map_or("str", |value| value.type_name());
    let (text, args) = receiver(args, "__format__")?;
    let spec = arguments::one("str.__format__", args)?;
    let spec = arguments::text(spec, "__format__() argument")?;
    let spec = spec.as_str();
    crate::value::format_spec::format_text(text.as_str(), text.len(), spec, type_name)
        .map(Value::from)
}

fn format_template(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "format")?;
    format::str_format(cx, text.as_str(), args).map(Value::from)
}

fn format_map(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "format_map")?;
    let mapping = arguments::one("str.format_map", args)?;
    format::str_format_map(cx, text.as_str(), mapping).map(Value::from)
}

const ENCODE: arguments::Signature<2> = arguments::Signature::new("encode", ["encoding", "errors"]);

fn encode(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (text, args) = receiver(args, "encode")?;
    let [encoding, errors] = ENCODE.bind(args)?;
    let encoding = match encoding {
        None => "utf-8",
        Some(value) => arguments::text(value, "encode() argument 'encoding'")?.as_str(),
    };
    let errors = match errors {
        None => "strict",
        Some(value) => arguments::text(value, "encode() argument 'errors'")?.as_str(),
    };
    codec::encode(text.as_str(), encoding, errors).map(Value::bytes)
}

/// Methods without arguments that test the whole text.
macro_rules! tests {
    ($($function:ident $name:literal $test:expr),* $(,)?) => {$(
        fn $function(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
            let (text, args) = receiver(args, $name)?;
            arguments::none(concat!("str.", $name), args)?;
            let test: fn(&str) -> bool = $test;
            Ok(Value::Bool(test(text.as_str())))
        }
    )*};
}

/// Whether there are characters and all are of this kind.
fn all(text: &str, test: fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(test)
}

tests! {
    is_alnum "isalnum" |text| all(text, unicode::is_alphanumeric),
    is_alpha "isalpha" |text| all(text, unicode::is_alphabetic),
    is_ascii "isascii" str::is_ascii,
    is_decimal "isdecimal" |text| all(text, unicode::is_decimal),
    is_digit "isdigit" |text| all(text, unicode::is_digit),
    is_identifier "isidentifier" unicode::is_identifier,
    is_lower "islower" letter_case::is_lower,
    is_numeric "isnumeric" |text| all(text, unicode::is_numeric),
    is_printable "isprintable" |text| text.chars().all(unicode::is_printable),
    is_space "isspace" |text| all(text, unicode::is_space),
    is_title "istitle" letter_case::is_title,
    is_upper "isupper" letter_case::is_upper,
}

/// Methods without arguments that map the whole text.
macro_rules! mappings {
    ($($function:ident $name:literal),* $(,)?) => {$(
        fn $function(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
            let (text, args) = receiver(args, $name)?;
            arguments::none(concat!("str.", $name), args)?;
            Ok(Value::from(letter_case::$function(text.as_str())))
        }
    )*};
}

mappings! {
    capitalize "capitalize", casefold "casefold", lower "lower", swapcase "swapcase",
    title "title", upper "upper",
}
