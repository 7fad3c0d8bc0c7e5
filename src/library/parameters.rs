//! Binding of arguments to the parameters of a native function that CPython writes in Python: its
//! messages differ from those of functions written in C (`arguments::Signature`). It must not know
//! what any function does.

use super::suggestion;
use crate::value::Outcome;
use crate::value::Value;
use crate::value::exception::{Raised, type_error};
use crate::value::function::Args;

/// The parameters of a function.
///
/// ```ignore
/// const PUT: Parameters<3> = Parameters::method("Queue.put", ["obj", "block", "timeout"]).required(1);
/// let [obj, block, timeout] = PUT.bind(args)?;
/// ```
#[derive(Clone, Copy)]
pub struct Parameters<const N: usize> {
    function: &'static str,
    names: [&'static str; N],
    required: usize,
    positional: usize,
    /// 1 if a receiver comes before them: messages count it.
    receiver: usize,
}

impl<const N: usize> Parameters<N> {
    /// A function with these parameters, all of them optional, to be given by position or name.
    pub const fn function(function: &'static str, names: [&'static str; N]) -> Self {
        Parameters {
            function,
            names,
            required: 0,
            positional: N,
            receiver: 0,
        }
    }

    /// The same for a method; `bind` gets the arguments after the receiver.
    pub const fn method(function: &'static str, names: [&'static str; N]) -> Self {
        Parameters {
            receiver: 1,
            ..Parameters::function(function, names)
        }
    }

    /// The first `count` must be given.
    pub const fn required(mut self, count: usize) -> Self {
        self.required = count;
        self
    }

    /// Only the first `count` can be given by position.
    pub const fn positional(mut self, count: usize) -> Self {
        self.positional = count;
        self
    }

    /// The arguments by parameter.
    ///
    /// # Errors
    /// `TypeError`.
    #[inline]
    pub fn bind<'a>(&self, args: Args<'a>) -> Outcome<[Option<&'a Value>; N]> {
        let mut bound = [None; N];
        let positional = args.positional();
        for (place, value) in bound[..self.positional].iter_mut().zip(positional) {
            *place = Some(value);
        }
        if !args.names.is_empty() {
            self.bind_keywords(args, &mut bound)?;
        }
        if positional.len() > self.positional {
            return Err(self.too_many(positional.len(), &bound));
        }
        if bound[..self.required].iter().any(Option::is_none) {
            return Err(self.missing(&bound));
        }
        Ok(bound)
    }

    #[inline(never)]
    fn bind_keywords<'a>(&self, args: Args<'a>, bound: &mut [Option<&'a Value>; N]) -> Outcome<()> {
        for (name, value) in args.keywords() {
            let name = name.as_str();
            let Some(place) = self.names.iter().position(|known| *known == name) else {
                return Err(self.unexpected(name, args));
            };
            if bound[place].replace(value).is_some() {
                return Err(type_error(format!(
                    "{}() got multiple values for argument '{name}'",
                    self.function
                )));
            }
        }
        Ok(())
    }

    #[cold]
    fn unexpected(&self, name: &str, args: Args<'_>) -> Raised {
        let known = self
            .names
            .iter()
            .copied()
            .filter(|known| !args.names.iter().any(|given| given.as_str() == *known));
        let help = suggestion::closest(name, known)
            .map(|meant| format!(". Did you mean '{meant}'?"))
            .unwrap_or_default();
        type_error(format!(
            "{}() got an unexpected keyword argument '{name}'{help}",
            self.function
        ))
    }

    #[cold]
    fn missing(&self, bound: &[Option<&Value>; N]) -> Raised {
        let missing: Vec<String> = self.names[..self.required]
            .iter()
            .zip(bound)
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| format!("'{name}'"))
            .collect();
        let list = match &missing[..] {
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [most @ .., last] => format!("{}, and {last}", most.join(", ")),
            [] => String::new(),
        };
        type_error(format!(
            "{}() missing {} required positional argument{}: {list}",
            self.function,
            missing.len(),
            if missing.len() == 1 { "" } else { "s" },
        ))
    }

    #[cold]
    fn too_many(&self, given: usize, bound: &[Option<&Value>; N]) -> Raised {
        let most = self.positional + self.receiver;
        let given = given + self.receiver;
        let least = self.required.min(self.positional) + self.receiver;
        let takes = if least < most {
            format!("from {least} to {most}")
        } else {
            most.to_string()
        };
        let keyword_only = bound[self.positional..]
            .iter()
            .filter(|value| value.is_some())
            .count();
        let plural = if most == 1 && least == most { "" } else { "s" };
        let given_plural = |count| if count == 1 { "" } else { "s" };
        let with_keywords = match keyword_only {
            0 => String::new(),
            count => format!(
                " positional argument{} (and {count} keyword-only argument{})",
                given_plural(given),
                given_plural(count)
            ),
        };
        type_error(format!(
            "{}() takes {takes} positional argument{plural} but {given}{with_keywords} {} given",
            self.function,
            if given == 1 && keyword_only == 0 {
                "was"
            } else {
                "were"
            },
        ))
    }
}
