//! Modules of the library that are scripts themselves: where nothing has to be fast and all of it
//! can be said in the language. It must not know how a script is loaded.

/// All of them: dotted name and text.
const SCRIPTS: &[(&str, &str)] = &[
    ("_queue_hooks", include_str!("queue_hooks.conc")),
    ("weakref", include_str!("weakref.conc")),
];

/// The text of the module of this dotted name, if it is a script.
pub fn find(dotted: &str) -> Option<&'static str> {
    SCRIPTS
        .iter()
        .find(|(name, _)| *name == dotted)
        .map(|(_, text)| *text)
}

/// The names of all of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    let named = SCRIPTS.iter().map(|(name, _)| *name);
    named.filter(|name| !name.starts_with('_'))
}
