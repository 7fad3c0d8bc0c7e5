//! `globals`, `locals`, `__import__`, `exit`, `quit`, `help`, and the functions that conc leaves
//! out by name.

use crate::eval::context::Context;
use crate::eval::import;
use crate::library::arguments::{self, Signature};
use crate::library::define::{self, Entries};
use crate::library::methods::object::names_of;
use crate::value::class::{Class, Layout};
use crate::value::exception::{ExceptionKind, Raised, type_error};
use crate::value::function::Args;
use crate::value::instance::{Instance, Payload};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value};

/// The functions.
pub const FUNCTIONS: Entries<'_> = &[
    ("globals", globals),
    ("locals", locals),
    ("__import__", import_module),
    ("breakpoint", breakpoint),
    ("eval", |_, _| Err(left_out("eval"))),
    ("exec", |_, _| Err(left_out("exec"))),
    ("compile", |_, _| Err(left_out("compile"))),
    ("complex", |_, _| Err(left_out("complex"))),
];

#[cold]
fn left_out(name: &str) -> Raised {
    Raised::new(
        ExceptionKind::NotImplementedError,
        format!("conc has no `{name}`"),
    )
}

/// Hands its arguments to `sys.breakpointhook`, whatever that is now.
fn breakpoint(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let sys = import::module(cx, Name::new("sys"))?;
    let Some(hook) = sys.get(Name::new("breakpointhook")) else {
        return Err(Raised::new(
            ExceptionKind::RuntimeError,
            "lost sys.breakpointhook",
        ));
    };
    cx.call_with(&hook, args)
}

fn globals(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("globals", args)?;
    let module = cx.current_module();
    Ok(crate::eval::module::Module::dict(&module))
}

/// The local variables of the caller; at a module's top level its globals.
pub fn locals(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("locals", args)?;
    match cx.local_variables() {
        Some(variables) => Ok(Value::Dict(Ref::new(Dict::from_names(variables)))),
        None => globals(cx, args),
    }
}

const IMPORT: Signature<5> = Signature::new(
    "__import__",
    ["name", "globals", "locals", "fromlist", "level"],
)
.required(1);

fn import_module(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let [Some(name), _, _, names, _] = IMPORT.bind(args)? else {
        return Err(type_error(
            "__import__() missing required argument 'name' (pos 1)",
        ));
    };
    let dotted = arguments::text(name, "__import__() argument 1")?.clone();
    let last = import::find(cx, Name::new(dotted.as_str()))?;
    let wants_last = arguments::flag(cx, names, false)?;
    match dotted.as_str().split_once('.') {
        Some((first, _)) if !wants_last => import::find(cx, Name::new(first)),
        _ => Ok(last),
    }
}

/// `exit`, `quit` and `help`: objects, so that typing the bare name at the prompt says what to do.
pub fn objects() -> Vec<(&'static str, Value)> {
    let object = &types().object;
    let quitter = Class::builtin("_sitebuiltins.Quitter", Some(object), Layout::Object);
    define::methods(&quitter, &[("__call__", quit), ("__repr__", repr)]);
    let helper = Class::builtin("_sitebuiltins._Helper", Some(object), Layout::Object);
    define::methods(&helper, &[("__call__", help), ("__repr__", repr)]);
    let make = |class: &Ref<Class>, text: &str| {
        let instance = Instance::new(class.clone(), Payload::None);
        instance.set(Name::new("name"), Value::str(text));
        Value::Instance(instance)
    };
    vec![
        (
            "exit",
            make(&quitter, "Use exit() or Ctrl-D (i.e. EOF) to exit"),
        ),
        (
            "quit",
            make(&quitter, "Use quit() or Ctrl-D (i.e. EOF) to exit"),
        ),
        (
            "help",
            make(
                &helper,
                "Type help() for interactive help, or help(object) for help about object.",
            ),
        ),
    ]
}

fn repr(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let text = args
        .values
        .first()
        .and_then(|value| value.as_instance()?.get(Name::new("name")));
    Ok(text.unwrap_or_default())
}

fn quit(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let code = arguments::between("exit", args.rest(), 0, 1)?;
    let code = code.first().cloned().unwrap_or_default();
    Err(Raised::with_args(ExceptionKind::SystemExit, vec![code]))
}

/// The names that do not begin with an underscore, in lines for a terminal; nothing without any.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const WIDTH: usize = 80;
    let mut names: Vec<&str> = names.filter(|name| !name.starts_with('_')).collect();
    names.sort_unstable();
    if names.is_empty() {
        return String::new();
    }
    let mut out = "\nIt has".to_owned();
    let mut column = out.len();
    for (number, name) in names.iter().enumerate() {
        let end = if number + 1 < names.len() { "," } else { "" };
        let word = format!("{name}{end}");
        if column + 1 + word.len() > WIDTH {
            out.push_str("\n   ");
            column = 3;
        }
        out.push(' ');
        out.push_str(&word);
        column += 1 + word.len();
    }
    out.push('\n');
    out
}

fn help(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let text = match arguments::between("help", args.rest(), 0, 1)? {
        [object] => {
            let name = crate::value::text::repr(cx, object)?;
            let mut text = format!("{name}\n");
            let doc = crate::eval::attribute::find(cx, object, Name::new("__doc__"))?;
            if let Some(Value::Str(doc)) = doc {
                text.push_str(&format!("\n{}\n", doc.as_str()));
            }
            let names = names_of(object);
            text.push_str(&listed(names.iter().map(|name| name.as_str())));
            text
        }
        _ => "help(object) shows what is known about object.\n".to_owned(),
    };
    let session = cx.session.clone();
    crate::library::output::write(
        cx,
        &session.stdout,
        text.as_bytes(),
        crate::runtime::output::WriteMode::Buffered,
    )?;
    Ok(Value::None)
}
