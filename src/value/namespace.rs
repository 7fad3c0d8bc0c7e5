//! Dicts that stand for something else: the global variables of a module, the attributes of an
//! object. `globals()`, `vars(x)` and `x.__dict__` are real dicts, and what is done to them is done
//! to what they stand for. It must not know what that is.

use super::Value;
use super::dict::Dict;
use super::name::Name;

/// What a dict can stand for.
pub trait Namespace: Send + Sync + 'static {
    /// Its names and values at this moment, in order.
    fn entries(&self) -> Vec<(Name, Value)>;

    /// Sets a name.
    fn set(&self, name: Name, value: Value);

    /// Removes a name.
    fn remove(&self, name: Name);

    /// Calls `visit` for the values it owns a count of by itself.
    fn traverse(&self, visit: &mut dyn FnMut(&Value));
}

/// Brings what `origin` stands for up to date with the entries of a dict. Keys that are no strings
/// cannot be names; they are dropped with the dict.
pub(super) fn write_back(origin: &dyn Namespace, entries: Vec<(Value, Value)>) {
    let before = origin.entries();
    let mut kept = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let Some(text) = key.as_str() else { continue };
        let name = Name::new(text);
        kept.push(name);
        let changed = before
            .iter()
            .find(|(known, _)| *known == name)
            .is_none_or(|(_, old)| !old.same(&value));
        if changed {
            origin.set(name, value);
        }
    }
    for (name, _) in before {
        if !kept.contains(&name) {
            origin.remove(name);
        }
    }
}

/// Whether a dict's entries are exactly these.
pub(super) fn is_current(dict: &[(Value, Value)], entries: &[(Name, Value)]) -> bool {
    dict.len() == entries.len()
        && dict.iter().zip(entries).all(|((key, value), (name, now))| {
            key.as_str() == Some(name.as_str()) && value.same(now)
        })
}

/// A dict that stands for a namespace.
pub fn dict_of(origin: impl Namespace) -> Dict {
    Dict::standing_for(Box::new(origin))
}
