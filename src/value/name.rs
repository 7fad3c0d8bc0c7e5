//! Interned names: identifiers, attribute names, keywords of calls. Equal names are the same
//! pointer, so comparing and hashing one costs nothing.
//!
//! The table is one for the process, because programs, sessions and built-in types all share
//! their names; a name is never given back. Only names that a program or a `setattr` mentions are
//! interned, a mere look-up never adds one.

use std::alloc::{Layout, handle_alloc_error};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{OnceLock, RwLock};

use hashbrown::HashTable;

use super::Value;
use super::blocks;
use super::object::Ref;
use super::string::{Str, hash_text};

/// An interned name.
#[derive(Clone, Copy)]
pub struct Name(&'static Ref<Str>);

type Table = RwLock<HashTable<Name>>;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| RwLock::new(HashTable::new()))
}

/// For how many names more there must be room when a script makes one: showing an error may need some.
const SPARE: usize = 64;

impl Name {
    /// The name with this text, made if it is new.
    pub fn new(text: &str) -> Name {
        Name::made(text, 0).unwrap_or_else(|| handle_alloc_error(Layout::new::<Name>()))
    }

    /// The name with this text, made if it is new and there is memory for it: for texts that a script makes.
    pub fn try_new(text: &str) -> Option<Name> {
        Name::made(text, SPARE)
    }

    fn made(text: &str, spare: usize) -> Option<Name> {
        if let Some(known) = Name::find(text) {
            return Some(known);
        }
        let hash = hash_text(text);
        let mut names = table().write().unwrap_or_else(|poison| poison.into_inner());
        // Another thread may have made it between the two locks.
        if let Some(&known) = names.find(hash, |name| name.as_str() == text) {
            return Some(known);
        }
        names.try_reserve(1 + spare, |name| name.0.hash()).ok()?;
        let name = Name(blocks::keep_for_good(Str::immortal(text)));
        names.insert_unique(hash, name, |name| name.0.hash());
        Some(name)
    }

    /// The name with this text, if anything ever mentioned it.
    pub fn find(text: &str) -> Option<Name> {
        let hash = hash_text(text);
        let names = table().read().unwrap_or_else(|poison| poison.into_inner());
        names.find(hash, |name| name.as_str() == text).copied()
    }

    /// The name of a string, if anything ever mentioned it; without hashing when the string is
    /// itself an interned one.
    pub fn of(text: &Ref<Str>) -> Option<Name> {
        let hash = text.hash();
        let names = table().read().unwrap_or_else(|poison| poison.into_inner());
        names
            .find(hash, |name| {
                name.0.same(text) || name.as_str() == text.as_str()
            })
            .copied()
    }

    /// Its text.
    #[inline(always)]
    pub fn as_str(self) -> &'static str {
        self.0.leak().map_or("", |text| text.as_str())
    }

    /// It as a string value; costs no allocation.
    #[inline(always)]
    pub fn value(self) -> Value {
        Value::Str(self.0.clone())
    }

    /// Its hash, that of the string.
    #[inline(always)]
    pub fn hash_code(self) -> u64 {
        self.0.hash()
    }

    /// An address that no other name has.
    #[inline(always)]
    pub fn address(self) -> usize {
        self.0 as *const Ref<Str> as usize
    }

    /// Whether it is written `__so__`.
    pub fn is_special(self) -> bool {
        let text = self.as_str();
        text.len() > 4 && text.starts_with("__") && text.ends_with("__")
    }
}

impl PartialEq for Name {
    #[inline(always)]
    fn eq(&self, other: &Name) -> bool {
        self.address() == other.address()
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.address());
    }
}

/// A map keyed by names. Their addresses are spread by one multiplication: no script chooses them.
pub type NameMap<V> = HashMap<Name, V, BuildHasherDefault<NameHasher>>;

/// The hasher of [`NameMap`].
#[derive(Default)]
pub struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(usize::from(byte));
        }
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        // The lowest bits of an address are always 0.
        self.0 = (self.0 ^ (address as u64 >> 3)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names that the interpreter itself uses, interned once.
macro_rules! known_names {
    ($($ident:ident = $text:literal),* $(,)?) => {
        /// Names that the interpreter itself uses.
        #[allow(missing_docs)]
        pub struct Known { $(pub $ident: Name,)* }

        impl Known {
            fn new() -> Known {
                Known { $($ident: Name::new($text),)* }
            }
        }
    };
}

known_names! {
    init = "__init__", new = "__new__", call = "__call__", repr = "__repr__", str = "__str__",
    eq = "__eq__", ne = "__ne__", lt = "__lt__", le = "__le__", gt = "__gt__", ge = "__ge__",
    hash = "__hash__", bool = "__bool__", len = "__len__", iter = "__iter__", next = "__next__",
    getitem = "__getitem__", setitem = "__setitem__", delitem = "__delitem__",
    contains = "__contains__", getattr = "__getattr__", getattribute = "__getattribute__",
    setattr = "__setattr__", delattr = "__delattr__", enter = "__enter__", exit = "__exit__",
    get = "__get__", set = "__set__", delete = "__delete__", set_name = "__set_name__",
    init_subclass = "__init_subclass__", class_getitem = "__class_getitem__",
    class = "__class__", dict = "__dict__", name = "__name__", qualname = "__qualname__",
    module = "__module__", doc = "__doc__", file = "__file__", builtins = "__builtins__",
    annotations = "__annotations__", slots = "__slots__", bases = "__bases__", mro = "__mro__",
    self_ = "__self__", func = "__func__", wrapped = "__wrapped__", defaults = "__defaults__",
    kwdefaults = "__kwdefaults__", closure = "__closure__", code = "__code__", globals = "__globals__",
    cause = "__cause__", context = "__context__", suppress_context = "__suppress_context__",
    traceback = "__traceback__", notes = "__notes__", match_args = "__match_args__",
    missing = "__missing__", reversed = "__reversed__", index = "__index__", int = "__int__",
    float = "__float__", round = "__round__", trunc = "__trunc__", floor = "__floor__",
    ceil = "__ceil__", format = "__format__", bytes = "__bytes__", dir = "__dir__",
    length_hint = "__length_hint__", abs = "__abs__", neg = "__neg__", pos = "__pos__",
    invert = "__invert__", divmod = "__divmod__", rdivmod = "__rdivmod__", pow = "__pow__",
    instancecheck = "__instancecheck__", subclasscheck = "__subclasscheck__",
    args = "args", value = "value", code_ = "code", send = "send", throw = "throw", close = "close",
    keys = "keys", items = "items", values = "values", main = "__main__", all = "__all__", path = "__path__", lambda = "<lambda>",
    star = "*", copy = "__copy__", deepcopy = "__deepcopy__", reduce = "__reduce__",
    getstate = "__getstate__", setstate = "__setstate__", fspath = "__fspath__", weakref = "__weakref__",
    subclasshook = "__subclasshook__", type_params = "__type_params__", static_attributes = "__static_attributes__",
    metaclass = "metaclass", first_line = "__firstlineno__", prepare = "__prepare__", del = "__del__",
    class_iter = "__class_iter__", class_len = "__class_len__", class_contains = "__class_contains__",
    class_repr = "__class_repr__", class_setattr = "__class_setattr__", class_reversed = "__class_reversed__",
    class_multiply = "__class_multiply__",
    class_instancecheck = "__class_instancecheck__", class_subclasscheck = "__class_subclasscheck__",
    abstract_methods = "__abstractmethods__", is_abstract = "__isabstractmethod__",
    stands_for = "__stands_for__",
}

/// The interpreter's own names.
#[inline]
pub fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(Known::new)
}
