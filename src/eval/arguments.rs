//! Binding the arguments of a call to the parameters of a script's function, with the language's
//! messages where they do not fit. It must not know frames.

use super::context::Context;
use super::function::Function;
use crate::library::suggestion;
use crate::value::exception::{Raised, type_error};
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Dict, Outcome, Value};

/// The values of all parameters in slot order.
///
/// # Errors
/// `TypeError` when the arguments do not fit.
pub(super) fn bind(
    cx: &mut Context,
    function: &Ref<Function>,
    mut values: Vec<Value>,
    names: &[Name],
) -> Outcome<Vec<Value>> {
    let layout = &function.code.parameters;
    let keyword_values = values.split_off(values.len() - names.len());
    let given = values.len();
    let mut bound = vec![Value::Unbound; layout.positional + layout.keyword_only];
    let mut rest = Vec::new();
    for (position, value) in values.into_iter().enumerate() {
        if position < layout.positional {
            bound[position] = value;
        } else {
            rest.push(value);
        }
    }
    let mut extra = None;
    let mut misplaced = Vec::new();
    for (&name, value) in names.iter().zip(keyword_values) {
        let position = layout.names.iter().position(|&known| known == name);
        match position {
            Some(position) if position >= layout.positional_only => {
                if !bound[position].is_unbound() {
                    return Err(type_error(format!(
                        "{}() got multiple values for argument '{name}'",
                        function.qualified_name()
                    )));
                }
                bound[position] = value;
            }
            _ if layout.keyword_rest.is_some() => {
                extra
                    .get_or_insert_with(Dict::new)
                    .set(cx, name.value(), value)?;
            }
            Some(_) => misplaced.push(name),
            None => return Err(unexpected(function, name, names)),
        }
    }
    if !misplaced.is_empty() {
        let list: Vec<&str> = misplaced.iter().map(|name| name.as_str()).collect();
        return Err(type_error(format!(
            "{}() got some positional-only arguments passed as keyword arguments: '{}'",
            function.qualified_name(),
            list.join(", ")
        )));
    }
    if !rest.is_empty() && layout.rest.is_none() {
        return Err(too_many(function, given, &bound));
    }
    fill_defaults(function, &mut bound)?;
    if layout.rest.is_some() {
        bound.push(Value::tuple(rest));
    }
    if layout.keyword_rest.is_some() {
        bound.push(Value::Dict(Ref::new(extra.unwrap_or_else(Dict::new))));
    }
    Ok(bound)
}

fn fill_defaults(function: &Ref<Function>, bound: &mut [Value]) -> Outcome<()> {
    let layout = &function.code.parameters;
    let defaults = function.defaults();
    let required = layout.positional - defaults.len().min(layout.positional);
    let mut missing = Vec::new();
    for position in 0..layout.positional {
        if bound[position].is_unbound() {
            if position >= required {
                bound[position] = defaults[position - required].clone();
            } else {
                missing.push(layout.names[position]);
            }
        }
    }
    if !missing.is_empty() {
        return Err(lacking(function, "positional", &missing));
    }
    for offset in 0..layout.keyword_only {
        let position = layout.positional + offset;
        if bound[position].is_unbound() {
            match function.keyword_defaults().get(offset) {
                Some(value) if !value.is_unbound() => bound[position] = value.clone(),
                _ => missing.push(layout.names[position]),
            }
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(lacking(function, "keyword-only", &missing))
    }
}

#[cold]
fn lacking(function: &Function, kind: &str, missing: &[Name]) -> Raised {
    let quoted: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
    let list = match &quoted[..] {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
        [] => String::new(),
    };
    type_error(format!(
        "{}() missing {} required {kind} argument{}: {list}",
        function.qualified_name(),
        missing.len(),
        if missing.len() == 1 { "" } else { "s" },
    ))
}

#[cold]
fn too_many(function: &Function, given: usize, bound: &[Value]) -> Raised {
    let layout = &function.code.parameters;
    let defaults = function.defaults().len();
    let keyword_only_given = bound[layout.positional..]
        .iter()
        .filter(|value| !value.is_unbound())
        .count();
    let takes = if defaults > 0 {
        format!(
            "from {} to {}",
            layout.positional - defaults,
            layout.positional
        )
    } else {
        layout.positional.to_string()
    };
    let plural = if layout.positional == 1 && defaults == 0 {
        ""
    } else {
        "s"
    };
    let with_keywords = if keyword_only_given > 0 {
        format!(
            " positional argument{} (and {keyword_only_given} keyword-only argument{})",
            if given == 1 { "" } else { "s" },
            if keyword_only_given == 1 { "" } else { "s" }
        )
    } else {
        String::new()
    };
    type_error(format!(
        "{}() takes {takes} positional argument{plural} but {given}{with_keywords} {} given",
        function.qualified_name(),
        if given == 1 && keyword_only_given == 0 {
            "was"
        } else {
            "were"
        },
    ))
}

#[cold]
fn unexpected(function: &Function, name: Name, given: &[Name]) -> Raised {
    let layout = &function.code.parameters;
    let candidates = layout.names[layout.positional_only..]
        .iter()
        .filter(|known| !given.contains(known))
        .map(|known| known.as_str());
    let hint = suggestion::closest(name.as_str(), candidates)
        .map(|known| format!(". Did you mean '{known}'?"))
        .unwrap_or_default();
    type_error(format!(
        "{}() got an unexpected keyword argument '{name}'{hint}",
        function.qualified_name()
    ))
}
