//! Functions of the host that scripts call. It must not know which.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::convert::{FromValue, IntoValue, mismatch};
use super::session::inside;
use crate::eval::context::Context;
use crate::eval::module::Module;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::sharing;
use crate::value::exception::{ExceptionKind, Raised, runtime_error, type_error};
use crate::value::function::{Args, Binding, NativeBody, NativeClosure, NativeFunction};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::string::Str;
use crate::value::{Outcome, Value};

/// Closures that can be registered as functions: up to six parameters, each a [`Parameter`], and a
/// result that is [`IntoValue`]. `P` are the parameters, and is found out by the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be called by scripts",
    note = "its parameters must be `FromValue` or `&str`, and their types written out"
)]
pub trait HostFunction<P>: Send + Sync + 'static {
    /// Calls it. For the engine.
    ///
    /// # Errors
    /// What converting the arguments or the result raises.
    #[doc(hidden)]
    fn call_raw(&self, cx: &mut Context, args: &[Value]) -> Outcome<Value>;

    /// How many arguments it takes. For the engine.
    #[doc(hidden)]
    fn arity(&self) -> usize;
}

/// What a parameter of a registered closure can be: anything [`FromValue`], and `&str`.
pub trait Parameter {
    /// What is kept while the closure runs.
    #[doc(hidden)]
    type Held;
    /// What the closure gets.
    #[doc(hidden)]
    type Item<'a>;
    /// Converts an argument.
    ///
    /// # Errors
    /// `TypeError` and the like.
    #[doc(hidden)]
    fn hold(cx: &mut Context, value: &Value) -> Outcome<Self::Held>;
    /// Hands it to the closure.
    #[doc(hidden)]
    fn item(held: &mut Self::Held) -> Self::Item<'_>;
}

impl<T: FromValue> Parameter for T {
    type Held = Option<T>;
    type Item<'a> = T;
    fn hold(cx: &mut Context, value: &Value) -> Outcome<Option<T>> {
        T::from_raw(cx, value).map(Some)
    }
    fn item(held: &mut Option<T>) -> T {
        match held.take() {
            Some(value) => value,
            None => unreachable!("an argument is handed over once"),
        }
    }
}

impl Parameter for &'static str {
    type Held = Ref<Str>;
    type Item<'a> = &'a str;
    fn hold(_: &mut Context, value: &Value) -> Outcome<Ref<Str>> {
        match value.unwrapped() {
            Value::Str(text) => Ok(text.clone()),
            other => Err(mismatch("str", other)),
        }
    }
    fn item(held: &mut Ref<Str>) -> &str {
        held.as_str()
    }
}

/// Says which argument could not be converted.
fn number(raised: Raised, position: usize) -> Raised {
    let text = raised.data().and_then(|data| match data.args().first() {
        Some(Value::Str(text)) => Some(text.as_str().to_owned()),
        _ => None,
    });
    match text {
        Some(text) if raised.is(ExceptionKind::TypeError) => {
            type_error(format!("argument {position}: {text}"))
        }
        _ => raised,
    }
}

macro_rules! functions {
    ($($count:literal: $($parameter:ident $held:ident $position:literal),*;)*) => {$(
        impl<Function, Result, $($parameter),*> HostFunction<($($parameter,)*)> for Function
        where
            $($parameter: Parameter + 'static,)*
            Result: IntoValue,
            Function: Send + Sync + 'static,
            Function: Fn($($parameter),*) -> Result,
            Function: for<'a> Fn($($parameter::Item<'a>),*) -> Result,
        {
            #[allow(unused_mut, unused_variables)]
            fn call_raw(&self, cx: &mut Context, args: &[Value]) -> Outcome<Value> {
                $(
                    let mut $held = $parameter::hold(cx, &args[$position - 1])
                        .map_err(|raised| number(raised, $position))?;
                )*
                // Which of the two bounds is meant must be said.
                fn call<$($parameter: Parameter,)* Result>(
                    function: impl for<'a> Fn($($parameter::Item<'a>),*) -> Result,
                    $($held: &mut $parameter::Held),*
                ) -> Result {
                    function($($parameter::item($held)),*)
                }
                let result = inside(cx, || {
                    catch_unwind(AssertUnwindSafe(|| {
                        call::<$($parameter,)* Result>(self, $(&mut $held),*)
                    }))
                });
                match result {
                    Ok(result) => result.into_raw(cx),
                    Err(panic) => Err(panicked(&*panic)),
                }
            }

            fn arity(&self) -> usize {
                $count
            }
        }
    )*};
}

functions! {
    0: ;
    1: A a 1;
    2: A a 1, B b 2;
    3: A a 1, B b 2, C c 3;
    4: A a 1, B b 2, C c 3, D d 4;
    5: A a 1, B b 2, C c 3, D d 4, E e 5;
    6: A a 1, B b 2, C c 3, D d 4, E e 5, F f 6;
}

#[cold]
fn panicked(panic: &(dyn std::any::Any + Send)) -> Raised {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no message",
    };
    runtime_error(format!("a function of the host panicked: {text}"))
}

/// A function with its name.
#[derive(Clone)]
pub(super) struct Registered {
    name: Name,
    call: NativeClosure,
}

impl Registered {
    /// Gives a function a name.
    pub(super) fn new<P>(name: &str, function: impl HostFunction<P>) -> Registered {
        let name = sharing::visit(|| Name::new(name));
        let arity = function.arity();
        Registered {
            name,
            call: Arc::new(move |cx: &mut Context, args: Args<'_>| {
                if !args.names.is_empty() {
                    return Err(type_error(format!("{name}() takes no keyword arguments")));
                }
                let given = args.values.len();
                if given != arity {
                    let plural = if arity == 1 { "" } else { "s" };
                    return Err(type_error(format!(
                        "{name}() takes exactly {arity} argument{plural} ({given} given)"
                    )));
                }
                function.call_raw(cx, args.values)
            }),
        }
    }

    fn value(&self) -> Value {
        Value::Native(Ref::new(NativeFunction {
            name: self.name.as_str(),
            owner: "",
            binding: Binding::Function,
            body: NativeBody::Closure(self.call.clone()),
        }))
    }
}

/// The host's functions in a session, for its modules.
#[derive(Default)]
pub(super) struct HostFunctions {
    all: LeafLock<Arc<[Registered]>>,
}

impl HostFunctions {
    /// Sets them, for all modules that are made from now on.
    pub(super) fn set(&self, functions: &[Registered]) {
        let old = std::mem::replace(&mut *self.all.lock(), functions.into());
        drop(old);
    }

    /// Gives them to a module, as variables that it may set anew.
    pub(super) fn offer(&self, module: &Module) {
        let functions = self.all.lock().clone();
        for function in functions.iter() {
            module.set(function.name, function.value());
        }
    }
}
