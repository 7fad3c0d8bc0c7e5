//! `copyreg`: how objects of classes that cannot say it themselves are copied and pickled.

use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::library::define;
use crate::library::message::Reductions;
use crate::library::parameters::Parameters;
use crate::value::exception::type_error;
use crate::value::function::Args;
use crate::value::name::{Name, known};
use crate::value::object::Ref;
use crate::value::{Outcome, Value};

const FUNCTIONS: define::Entries<'_> = &[
    ("pickle", pickle),
    ("constructor", |_, args| {
        let [object] = crate::library::arguments::exactly("constructor", args)?;
        check(object).map(|()| Value::None)
    }),
    ("__newobj__", new_object),
    ("__newobj_ex__", new_object_with_keywords),
];

fn check(callable: &Value) -> Outcome<()> {
    match crate::eval::is_callable(callable) {
        true => Ok(()),
        false => Err(type_error("constructors must be callable")),
    }
}

/// `pickle(type, function, constructor=None)`.
fn pickle(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    const PICKLE: Parameters<3> =
        Parameters::function("pickle", ["ob_type", "pickle_function", "constructor_ob"])
            .required(2);
    let [class, function, constructor] = PICKLE.bind(args)?;
    let (class, function) = (
        class.unwrap_or(&Value::None),
        function.unwrap_or(&Value::None),
    );
    if !crate::eval::is_callable(function) {
        return Err(type_error("reduction functions must be callable"));
    }
    if let Some(constructor) = constructor.filter(|constructor| !constructor.is_none()) {
        check(constructor)?;
    }
    let table = cx.session.extensions.get::<Reductions>().table();
    table.set(cx, class.clone(), function.clone())?;
    Ok(Value::None)
}

/// `__newobj__`: an object without its `__init__`.
pub fn newobj() -> Value {
    define::function("copyreg", "__newobj__", new_object)
}

/// The same with keyword arguments.
pub fn newobj_ex() -> Value {
    define::function("copyreg", "__newobj_ex__", new_object_with_keywords)
}

fn new_object(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let Some(class) = args.positional().first() else {
        return Err(type_error("__newobj__() needs a class"));
    };
    make(cx, class, args.positional(), &Value::None)
}

fn new_object_with_keywords(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [class, Value::Tuple(given), keywords] = args.positional() else {
        return Err(type_error(
            "__newobj_ex__() takes a class, a tuple and a dict",
        ));
    };
    let mut all = vec![class.clone()];
    all.extend(given.items().iter().cloned());
    make(cx, class, &all, keywords)
}

/// Calls `__new__` of a class, with the class first among the arguments.
fn make(cx: &mut Context, class: &Value, all: &[Value], keywords: &Value) -> Outcome<Value> {
    if !matches!(class, Value::Class(_)) {
        return Err(type_error(format!(
            "__newobj__() needs a class, not '{}'",
            class.type_name()
        )));
    }
    let new = crate::eval::attribute::get(cx, class, known().new)?;
    let given = Value::tuple(all.to_vec());
    crate::library::modules::multiprocessing::call_with_tuple(cx, &new, &given, keywords)
}

/// `copyreg`.
///
/// # Errors
/// None today.
pub fn module(cx: &mut Context) -> Outcome<Ref<Module>> {
    let module = super::with_functions("copyreg", FUNCTIONS);
    let table = cx.session.extensions.get::<Reductions>().table();
    module.set(Name::new("dispatch_table"), Value::Dict(table));
    Ok(module)
}
