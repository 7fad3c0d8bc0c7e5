//! Classes: bases, method resolution order, attributes, and what storage their instances have.
//! It must not know how a class statement is evaluated nor what any built-in method does.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Value;
use super::completion::Completion;
use super::lock::Guarded;
use super::name::Name;
use super::name_table::NameTable;
use super::object::{Object, Ref, Uncounted};
use super::shape::Shape;

/// The built-in storage that instances of a class have, inherited by subclasses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Attributes only.
    Object,
    /// An exception.
    Exception,
    /// Instances wrap a value of a built-in type: subclasses of `int`, `str`, `list`, …
    Wrapper(Wrapped),
    /// Instances carry a native payload that the class's own `__new__` or `__init__` makes.
    Native(&'static str),
    /// Values of the class have a variant of their own and it cannot be a base: `bool`,
    /// functions, ranges, ….
    Sealed,
}

/// The built-in types that scripts may derive from, besides `object` and exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Wrapped {
    Int,
    Float,
    Str,
    Bytes,
    Tuple,
    List,
    Dict,
    Set,
    FrozenSet,
}

impl Wrapped {
    /// The name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Wrapped::Int => "int",
            Wrapped::Float => "float",
            Wrapped::Str => "str",
            Wrapped::Bytes => "bytes",
            Wrapped::Tuple => "tuple",
            Wrapped::List => "list",
            Wrapped::Dict => "dict",
            Wrapped::Set => "set",
            Wrapped::FrozenSet => "frozenset",
        }
    }
}

/// A class.
pub struct Class {
    name: Guarded<Name>,
    bases: Box<[Ref<Class>]>,
    /// The method resolution order without the class itself.
    ancestors: Box<[Ref<Class>]>,
    /// See [`Class::attributes`].
    attributes: Guarded<NameTable>,
    completion: Completion,
    layout: Layout,
    /// Built-in classes cannot be changed by scripts.
    builtin: bool,
    /// Changes whenever an attribute of this class or of an ancestor does.
    version: AtomicU32,
    /// What the evaluator noted about the instances: a version and its bits.
    noted: AtomicU64,
    /// Those that must be told of a change. A subclass takes itself out when it dies, and only
    /// under this lock are the pointers followed.
    subclasses: Guarded<Vec<Uncounted<Class>>>,
    shape: Shape,
    /// How many attributes its instances are expected to have.
    slots: AtomicU32,
    /// When it was made.
    made: u64,
    /// What identifies the class statement when the class travels: program and node.
    definition: Option<Definition>,
}

/// A place in a program that every process that has the program can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Definition {
    /// Hash of the program's text.
    pub program: [u8; 32],
    /// Number of the `def`, `lambda` or `class` in the program, counted from its start.
    pub node: u32,
}

/// Whether a class attribute with this value neither stands before an instance's own nor is bound
/// when it is found.
pub fn is_plain(value: &Value) -> bool {
    matches!(
        value,
        Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::BigInt(_)
            | Value::Bytes(_)
            | Value::Tuple(_)
            | Value::List(_)
            | Value::Dict(_)
            | Value::Set(_)
            | Value::FrozenSet(_)
    )
}

fn next_version() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Class {
    /// A class with these bases, whose linearisation the caller has computed
    /// (see [`linearise`]).
    pub fn new(
        name: Name,
        bases: Vec<Ref<Class>>,
        ancestors: Vec<Ref<Class>>,
        attributes: NameTable,
        layout: Layout,
        definition: Option<Definition>,
    ) -> Ref<Class> {
        Class::make(
            name, bases, ancestors, attributes, layout, false, definition,
        )
    }

    /// A class of the language itself.
    pub fn builtin(name: &str, base: Option<&Ref<Class>>, layout: Layout) -> Ref<Class> {
        let bases: Vec<Ref<Class>> = base.into_iter().cloned().collect();
        Class::builtin_with(name, bases, layout)
    }

    /// A class of the language itself with several bases.
    pub fn builtin_with(name: &str, bases: Vec<Ref<Class>>, layout: Layout) -> Ref<Class> {
        let ancestors = linearise(&bases).unwrap_or_default();
        let class = Class::make(
            Name::new(name),
            bases,
            ancestors,
            NameTable::default(),
            layout,
            true,
            None,
        );
        class.make_immortal();
        class
    }

    fn make(
        name: Name,
        bases: Vec<Ref<Class>>,
        ancestors: Vec<Ref<Class>>,
        attributes: NameTable,
        layout: Layout,
        builtin: bool,
        definition: Option<Definition>,
    ) -> Ref<Class> {
        let class = Ref::new(Class {
            name: Guarded::new(name),
            bases: bases.into(),
            ancestors: ancestors.into(),
            attributes: Guarded::new(attributes),
            completion: Completion::done(),
            layout,
            builtin,
            version: AtomicU32::new(next_version()),
            noted: AtomicU64::new(0),
            subclasses: Guarded::default(),
            shape: Shape::root(),
            slots: AtomicU32::new(0),
            made: super::moment::next(),
            definition,
        });
        for base in &class.bases {
            base.subclasses.lock().push(class.uncounted());
        }
        class
    }

    /// Its name.
    pub fn name(&self) -> Name {
        self.name.with(|name| *name)
    }

    /// Gives it another name.
    pub fn set_name(&self, name: Name) {
        *self.name.lock() = name;
    }

    /// The direct bases.
    pub fn bases(&self) -> &[Ref<Class>] {
        &self.bases
    }

    /// The method resolution order after the class itself.
    pub fn ancestors(&self) -> &[Ref<Class>] {
        &self.ancestors
    }

    /// What storage its instances have.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether it belongs to the language.
    pub fn is_builtin(&self) -> bool {
        self.builtin
    }

    /// A number that changes with every change of what `lookup` finds.
    #[inline(always)]
    pub fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    /// What was noted about the present version.
    #[inline(always)]
    pub fn noted(&self) -> Option<u32> {
        let noted = self.noted.load(Ordering::Acquire);
        ((noted >> 32) as u32 == self.version()).then_some(noted as u32)
    }

    /// Notes something about a version.
    pub fn note(&self, version: u32, bits: u32) {
        self.noted.store(
            u64::from(version) << 32 | u64::from(bits),
            Ordering::Release,
        );
    }

    /// The shape of a new instance.
    #[inline(always)]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How many attributes a new instance is expected to get.
    #[inline(always)]
    pub fn expected_slots(&self) -> u32 {
        self.slots.load(Ordering::Relaxed)
    }

    /// Notes that an instance got this many attributes.
    pub fn expect_slots(&self, count: usize) {
        self.slots.fetch_max(count as u32, Ordering::Relaxed);
    }

    /// Where it was written.
    pub fn definition(&self) -> Option<Definition> {
        self.definition
    }

    /// When it was made, as [`super::moment`] counts.
    pub fn first_made(&self) -> u64 {
        self.made
    }

    /// Has attributes put in when somebody asks for any: see [`Completion`]. For classes of the language.
    pub fn complete_later(&self, work: impl FnOnce(&Class) + Send + 'static) {
        self.completion.put_off(self, work);
    }

    /// Its own attributes, all of them.
    #[inline]
    fn attributes(&self) -> &Guarded<NameTable> {
        self.completion.reach(self);
        &self.attributes
    }

    /// The attribute of the class itself.
    #[inline]
    pub fn own(&self, name: Name) -> Option<Value> {
        self.attributes().lock().get(name).cloned()
    }

    /// The same by a text that nobody may have made a name of.
    pub fn own_named(&self, text: &str) -> Option<Value> {
        // First the attributes, whose names may be new.
        let attributes = self.attributes();
        let name = Name::find(text)?;
        attributes.lock().get(name).cloned()
    }

    /// The attribute of the class or of the first ancestor that has it.
    #[inline]
    pub fn lookup(&self, name: Name) -> Option<Value> {
        self.own(name)
            .or_else(|| self.ancestors.iter().find_map(|class| class.own(name)))
    }

    /// The attribute of the first class after `after` in this class's resolution order: what
    /// `super()` finds.
    pub fn lookup_after(&self, after: &Class, name: Name) -> Option<Value> {
        let rest: &[Ref<Class>] = if std::ptr::eq(self, after) {
            &self.ancestors
        } else {
            let position = self
                .ancestors
                .iter()
                .position(|class| std::ptr::eq(&**class, after))?;
            &self.ancestors[position + 1..]
        };
        rest.iter().find_map(|class| class.own(name))
    }

    /// Sets an attribute.
    pub fn set(&self, name: Name, value: Value) {
        let is_plain = is_plain(&value);
        let old = self.attributes().with(|own| own.set(name, value));
        // A plain value in the place of another changes nothing about how attributes are found.
        // Whether instances can be made depends on which methods are abstract.
        let matters = !(is_plain && old.as_ref().is_some_and(self::is_plain))
            || name == super::name::known().abstract_methods;
        self.changed(matters);
        drop(old);
    }

    /// Sets attributes as [`Class::set`] does; what depends on them hears of it once.
    pub fn set_all(&self, attributes: impl Iterator<Item = (Name, Value)>) {
        let mut old = Vec::new();
        for (name, value) in attributes {
            let replaced = self.attributes().with(|own| own.set(name, value));
            old.extend(replaced);
        }
        self.changed(true);
        drop(old);
    }

    /// Removes an attribute.
    pub fn remove(&self, name: Name) -> Option<Value> {
        let old = self.attributes().lock().remove(name);
        self.changed(true);
        old
    }

    /// The attributes of the class itself, in order.
    pub fn entries(&self) -> Vec<(Name, Value)> {
        self.attributes().lock().entries().to_vec()
    }

    fn changed(&self, matters: bool) {
        let noted = self.noted();
        let version = next_version();
        self.version.store(version, Ordering::Release);
        if matters {
            self.shape.renew();
        } else if let Some(noted) = noted {
            self.note(version, noted);
        }
        self.subclasses.with(|subclasses| {
            for subclass in subclasses {
                // SAFETY: a subclass takes itself out of this list before it goes.
                unsafe { subclass.contents() }.changed(matters);
            }
        });
    }

    /// Whether it is `other` or derives from it.
    #[inline]
    pub fn derives_from(&self, other: &Class) -> bool {
        std::ptr::eq(self, other)
            || self
                .ancestors
                .iter()
                .any(|class| std::ptr::eq(&**class, other))
    }

    /// The direct subclasses that are alive, in the order they were made.
    pub fn subclasses(&self) -> Vec<Ref<Class>> {
        self.subclasses
            .lock()
            .iter()
            // SAFETY: a subclass takes itself out of this list before it goes.
            .filter_map(|subclass| unsafe { subclass.upgrade() })
            .collect()
    }
}

impl Drop for Class {
    fn drop(&mut self) {
        for base in &self.bases {
            base.subclasses
                .lock()
                .retain(|known| !known.points_to(self));
        }
    }
}

impl Object for Class {
    const CLOSES_CYCLES: bool = true;

    fn into_value(this: Ref<Self>) -> Option<Value> {
        Some(Value::Class(this))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for class in self.bases.iter().chain(&self.ancestors) {
            class.visit(Value::Class, visit);
        }
        for (_, value) in self.attributes.lock().entries() {
            visit(value);
        }
    }

    fn clear(&self) {
        let attributes = self.attributes.lock().take();
        drop(attributes);
    }
}

/// The resolution order of a class with these bases, after the class itself: the C3
/// linearisation (Barrett et al., OOPSLA 1996).
///
/// # Errors
/// The classes that contradict each other when no order is consistent with all bases.
pub fn linearise(bases: &[Ref<Class>]) -> Result<Vec<Ref<Class>>, Vec<Ref<Class>>> {
    let mut sequences: Vec<Vec<Ref<Class>>> = bases
        .iter()
        .map(|base| {
            let mut sequence = vec![base.clone()];
            sequence.extend(base.ancestors.iter().cloned());
            sequence
        })
        .collect();
    sequences.push(bases.to_vec());
    let mut order = Vec::new();
    loop {
        sequences.retain(|sequence| !sequence.is_empty());
        if sequences.is_empty() {
            return Ok(order);
        }
        let Some(next) = sequences
            .iter()
            .map(|sequence| &sequence[0])
            .find(|head| {
                !sequences
                    .iter()
                    .any(|sequence| sequence[1..].iter().any(|class| class.same(head)))
            })
            .cloned()
        else {
            let mut heads: Vec<Ref<Class>> = Vec::new();
            for sequence in &sequences {
                if !heads.iter().any(|known| known.same(&sequence[0])) {
                    heads.push(sequence[0].clone());
                }
            }
            return Err(heads);
        };
        for sequence in &mut sequences {
            if sequence[0].same(&next) {
                sequence.remove(0);
            }
        }
        order.push(next);
    }
}
