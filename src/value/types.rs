//! The classes of the language itself: made once for the process, never changed by scripts and
//! never freed, so every session and program shares them. What their methods do is the library's
//! business: it puts them into the classes when the first session is made.

use std::sync::OnceLock;

use super::Value;
use super::class::{Class, Layout, Wrapped};
use super::exception::ExceptionKind;
use super::object::Ref;

macro_rules! builtin_types {
    // The base of `bool` is named by the caller, since the fields' names are the caller's too.
    ($base:ident; $($field:ident $name:literal $layout:expr),* $(,)?) => {
        /// The classes of the language itself.
        #[allow(missing_docs)]
        pub struct Types {
            pub object: Ref<Class>,
            $(pub $field: Ref<Class>,)*
            pub bool: Ref<Class>,
            exceptions: Vec<Ref<Class>>,
        }

        impl Types {
            fn new() -> Types {
                let object = Class::builtin("object", None, Layout::Object);
                $(let $field = Class::builtin($name, Some(&object), $layout);)*
                let bool = Class::builtin("bool", Some(&$base), Layout::Sealed);
                let mut exceptions: Vec<Ref<Class>> = Vec::new();
                for kind in ExceptionKind::ALL {
                    let bases = match kind.bases() {
                        [] => vec![object.clone()],
                        bases => bases.iter().map(|base| exceptions[*base as usize].clone()).collect(),
                    };
                    exceptions.push(Class::builtin_with(kind.name(), bases, Layout::Exception));
                }
                Types { object, $($field,)* bool, exceptions }
            }

            /// All of them but the exceptions.
            pub fn all(&self) -> Vec<&Ref<Class>> {
                vec![&self.object, $(&self.$field,)* &self.bool]
            }
        }
    };
}

builtin_types! {
    int;
    type_ "type" Layout::Sealed,
    none "NoneType" Layout::Sealed,
    ellipsis "ellipsis" Layout::Sealed,
    not_implemented "NotImplementedType" Layout::Sealed,
    int "int" Layout::Wrapper(Wrapped::Int),
    float "float" Layout::Wrapper(Wrapped::Float),
    str "str" Layout::Wrapper(Wrapped::Str),
    bytes "bytes" Layout::Wrapper(Wrapped::Bytes),
    bytearray "bytearray" Layout::Native("bytearray"),
    memoryview "memoryview" Layout::Native("memoryview"),
    tuple "tuple" Layout::Wrapper(Wrapped::Tuple),
    list "list" Layout::Wrapper(Wrapped::List),
    dict "dict" Layout::Wrapper(Wrapped::Dict),
    set "set" Layout::Wrapper(Wrapped::Set),
    frozenset "frozenset" Layout::Wrapper(Wrapped::FrozenSet),
    range "range" Layout::Sealed,
    slice "slice" Layout::Sealed,
    function "function" Layout::Sealed,
    builtin_function "builtin_function_or_method" Layout::Sealed,
    method_descriptor "method_descriptor" Layout::Sealed,
    method "method" Layout::Sealed,
    generator "generator" Layout::Sealed,
    module "module" Layout::Sealed,
    cell "cell" Layout::Sealed,
    property "property" Layout::Native("property"),
    staticmethod "staticmethod" Layout::Native("staticmethod"),
    classmethod "classmethod" Layout::Native("classmethod"),
    super_ "super" Layout::Native("super"),
    enumerate "enumerate" Layout::Sealed,
    zip "zip" Layout::Sealed,
    map "map" Layout::Sealed,
    filter "filter" Layout::Sealed,
    reversed "reversed" Layout::Sealed,
    iterator "iterator" Layout::Sealed,
    dict_keys "dict_keys" Layout::Native("dict_keys"),
    dict_values "dict_values" Layout::Native("dict_values"),
    dict_items "dict_items" Layout::Native("dict_items"),
    mappingproxy "mappingproxy" Layout::Native("mappingproxy"),
    traceback "traceback" Layout::Native("traceback"),
    code "code" Layout::Native("code"),
    generic_alias "types.GenericAlias" Layout::Native("types.GenericAlias"),
    union_type "types.UnionType" Layout::Native("types.UnionType"),
}

/// The classes of the language itself.
#[inline]
pub fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(Types::new)
}

impl Class {
    /// A class below `object` whose instances carry a native payload; its layout is called as it is.
    pub fn native(name: &'static str) -> Ref<Class> {
        Class::builtin(name, Some(&types().object), Layout::Native(name))
    }
}

impl Types {
    /// The class of a built-in exception.
    #[inline]
    pub fn exception(&self, kind: ExceptionKind) -> &Ref<Class> {
        &self.exceptions[kind as usize]
    }

    /// All built-in exception classes.
    pub fn exceptions(&self) -> &[Ref<Class>] {
        &self.exceptions
    }
}

/// The class of a built-in iterator, made when its kind is first asked for.
pub fn iterator_class(name: &'static str) -> &'static Ref<Class> {
    use std::sync::RwLock;
    type Known = RwLock<Vec<(&'static str, &'static Ref<Class>)>>;
    static KNOWN: OnceLock<Known> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let types = types();
        RwLock::new(vec![
            ("zip", &types.zip),
            ("map", &types.map),
            ("filter", &types.filter),
            ("enumerate", &types.enumerate),
            ("reversed", &types.reversed),
        ])
    });
    let find = |list: &[(&'static str, &'static Ref<Class>)]| {
        list.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, class)| *class)
    };
    if let Some(class) = find(&known.read().unwrap_or_else(|poison| poison.into_inner())) {
        return class;
    }
    let mut list = known.write().unwrap_or_else(|poison| poison.into_inner());
    if let Some(class) = find(&list) {
        return class;
    }
    let class: &'static Ref<Class> = Box::leak(Box::new(Class::builtin(
        name,
        // The methods of all of them.
        Some(&types().iterator),
        Layout::Sealed,
    )));
    list.push((name, class));
    class
}

impl Value {
    /// The class of the value, what `type` gives.
    #[inline]
    pub fn class(&self) -> &Ref<Class> {
        let types = types();
        match self {
            Value::Instance(instance) => instance.class(),
            Value::None | Value::Unbound => &types.none,
            Value::Ellipsis => &types.ellipsis,
            Value::NotImplemented => &types.not_implemented,
            Value::Bool(_) => &types.bool,
            Value::Int(_) | Value::BigInt(_) => &types.int,
            Value::Float(_) => &types.float,
            Value::Str(_) => &types.str,
            Value::Bytes(_) => &types.bytes,
            Value::Tuple(_) => &types.tuple,
            Value::List(_) => &types.list,
            Value::Dict(_) => &types.dict,
            Value::Set(_) => &types.set,
            Value::FrozenSet(_) => &types.frozenset,
            Value::Range(_) => &types.range,
            Value::Slice(_) => &types.slice,
            Value::Function(_) => &types.function,
            Value::Native(function) => {
                if function.binding == super::function::Binding::Method {
                    &types.method_descriptor
                } else {
                    &types.builtin_function
                }
            }
            Value::Method(method) => match method.function {
                Value::Native(_) => &types.builtin_function,
                _ => &types.method,
            },
            Value::Class(_) => &types.type_,
            Value::Iterator(iterator) => iterator_class(iterator.kind().type_name()),
            Value::Generator(_) => &types.generator,
            Value::Module(_) => &types.module,
            Value::Cell(_) => &types.cell,
        }
    }

    /// The name of the value's class, as messages give it.
    pub fn type_name(&self) -> &'static str {
        self.class().name().as_str()
    }

    /// The value itself, or for an instance of a class derived from a built-in type the value
    /// that it wraps.
    #[inline(always)]
    pub fn unwrapped(&self) -> &Value {
        match self {
            Value::Instance(instance) => instance.wrapped().unwrap_or(self),
            _ => self,
        }
    }
}
