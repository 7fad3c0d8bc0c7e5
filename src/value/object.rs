//! Objects on the heap and the counted pointer to them. Knows how an object is counted, locked
//! and freed; it must not know what any kind of object means.
//!
//! **Counting.** While one thread is all there is, a count is a plain load and store; from before
//! a second thread can hold a value it is atomic. A count with its highest bit set is never
//! changed: the object belongs to a program or to the process and lives as long as that. An object
//! that many threads use is counted in lots, of which each thread keeps some ([`super::credit`]).
//!
//! **Freeing.** A count that reaches zero is final (see [`Ref::retain_unless_zero`]). With one
//! thread the object goes at once; with several it goes when every attached thread has passed a
//! safepoint, so a pointer read from a shared place stays readable until the reader's next
//! safepoint even if it was never counted.

use std::alloc::Layout;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use super::{Value, blocks, credit, reclaim, registry, weak};
use crate::runtime::{sharing, world};

/// What every object can do whatever its kind: name what it refers to, so that unreachable cycles
/// can be found.
pub trait Object: Send + Sync + 'static {
    /// Whether what an object of the kind refers to can change after it was made. Every cycle of
    /// references has such an object in it, so only these are registered for the collector.
    const CLOSES_CYCLES: bool = false;

    /// Whether objects of the kind refer to nothing and nothing refers to them weakly.
    const IS_LEAF: bool = false;

    /// Calls `visit` for every value that this object owns a count of: at most once for each count.
    /// To leave one out is a leak where it is part of a cycle; to visit one that is counted for
    /// somebody else too (behind a shared `Arc`) makes the collector free what is in use.
    fn traverse(&self, visit: &mut dyn FnMut(&Value));

    /// Takes out what can be taken out of what `traverse` visits: the object is part of an
    /// unreachable cycle. Kinds that [close cycles](Object::CLOSES_CYCLES) must leave none.
    fn clear(&self) {}

    /// Whether objects of the kind may own much memory besides their own. Then [`Object::weight`] says
    /// how much.
    const IS_HEAVY: bool = false;

    /// About how many bytes of memory the object owns besides its own: asked when its count has reached
    /// zero and other threads may still look at it, or even change it, so it may only load words.
    fn weight(&self) -> usize {
        0
    }

    /// Whether something is to be done as soon as the count of an object of the kind has reached zero,
    /// before it may be freed. Then [`Object::forgotten`] does it.
    const HAS_LAST_DUTY: bool = false;

    /// What is due at that moment: other threads may still look at the object, or even change it.
    fn forgotten(&self) {}

    /// How many values there is room for behind the object: what `Ref::with_room` was told.
    #[inline(always)]
    fn room(&self) -> usize {
        0
    }

    /// The object as a value; `None` for kinds that scripts never see.
    fn into_value(_this: Ref<Self>) -> Option<Value>
    where
        Self: Sized,
    {
        None
    }
}

type Traverse = unsafe fn(NonNull<Header>, &mut dyn FnMut(&Value));

/// What is the same for all objects of a kind. The functions may be called with the header of a live
/// object of that kind only, `ObjectTable::destroy` with one that nobody refers to.
pub struct ObjectTable {
    /// Drops the contents and gives the memory back.
    destroy: unsafe fn(NonNull<Header>),
    /// [`Object::traverse`].
    traverse: Traverse,
    /// [`Object::clear`].
    clear: unsafe fn(NonNull<Header>),
    /// [`Object::into_value`], with a count of its own.
    value: unsafe fn(NonNull<Header>) -> Option<Value>,
    /// [`Object::weight`], for kinds that have any.
    weight: Option<unsafe fn(NonNull<Header>) -> usize>,
    /// [`Object::forgotten`], for kinds that have a last duty.
    forgotten: Option<unsafe fn(NonNull<Header>)>,
    /// [`Object::IS_LEAF`].
    is_leaf: bool,
}

/// The first bytes of every object.
#[repr(C)]
pub struct Header {
    count: AtomicU32,
    /// What the collector and weak references note: the object's number in the registry, and
    /// [`WEAK_BIT`]; during a collection its number there, with [`NODE_BIT`].
    collector: AtomicU32,
    table: &'static ObjectTable,
}

/// In [`Header::collector`]: weak references to the object exist.
pub(super) const WEAK_BIT: u32 = 0x4000_0000;
/// In [`Header::collector`]: a collection is at work and the rest is its own.
pub(super) const NODE_BIT: u32 = 0x8000_0000;

/// Counts from here on are never changed.
const IMMORTAL: u32 = 0xC000_0000;
const IMMORTAL_BIT: u32 = 0x8000_0000;
/// In a count: several threads use the object, and each of them keeps counts of it in store
/// (see [`super::credit`]).
const COMMON_BIT: u32 = 0x4000_0000;

// Every count that changes is below it, and none that does not.
const _: () = assert!(sharing::ALONE == IMMORTAL_BIT && IMMORTAL >= sharing::ALONE);

#[repr(C)]
struct Allocation<T> {
    header: Header,
    contents: T,
}

struct TableOf<T>(std::marker::PhantomData<T>);

impl<T: Object> TableOf<T> {
    const TABLE: ObjectTable = ObjectTable {
        destroy: destroy::<T>,
        traverse: traverse::<T>,
        clear: clear::<T>,
        value: value::<T>,
        weight: if T::IS_HEAVY { Some(weight::<T>) } else { None },
        forgotten: if T::HAS_LAST_DUTY {
            Some(forgotten::<T>)
        } else {
            None
        },
        is_leaf: T::IS_LEAF,
    };
}

/// # Safety
/// `header` must be the header of an `Allocation<T>` made by `Ref::new` that nobody refers to.
unsafe fn destroy<T: Object>(header: NonNull<Header>) {
    if !T::IS_LEAF {
        // SAFETY: by contract the allocation is alive.
        let noted = unsafe { header.as_ref() }.collector.load(Ordering::Relaxed);
        if noted != 0 {
            // Before the contents go: dropping them may run script code and with it a collection,
            // which must not find an object of which half is gone.
            forget_noted(header, noted);
        }
    }
    let allocation = header.cast::<Allocation<T>>().as_ptr();
    // SAFETY: by contract nobody else refers to the allocation, which `Ref::with_room` made.
    unsafe {
        let layout = layout::<T>((*allocation).contents.room());
        std::ptr::drop_in_place(allocation);
        blocks::give_back(allocation.cast(), layout);
    }
}

/// The memory of an object with room for this many values behind it.
#[inline(always)]
fn layout<T>(room: usize) -> Layout {
    let own = Layout::new::<Allocation<T>>();
    // SAFETY: rooms are small, so the size does not overflow; the alignment is a valid one. Objects
    // with room are aligned for values, whose size theirs is a multiple of.
    unsafe {
        Layout::from_size_align_unchecked(own.size() + room * size_of::<Value>(), own.align())
    }
}

/// # Safety
/// `header` must be the header of a live `Allocation<T>`.
unsafe fn traverse<T: Object>(header: NonNull<Header>, visit: &mut dyn FnMut(&Value)) {
    // SAFETY: by contract the allocation is alive and of this type.
    unsafe { header.cast::<Allocation<T>>().as_ref() }
        .contents
        .traverse(visit);
}

#[inline]
fn forget_noted(header: NonNull<Header>, noted: u32) {
    registry::leave(noted & !WEAK_BIT);
    if noted & WEAK_BIT != 0 {
        weak::target_dies(header);
    }
}

/// # Safety
/// `header` must be the header of a live `Allocation<T>`.
unsafe fn clear<T: Object>(header: NonNull<Header>) {
    // SAFETY: by contract the allocation is alive and of this type.
    unsafe { header.cast::<Allocation<T>>().as_ref() }
        .contents
        .clear();
}

/// # Safety
/// `header` must be the header of a live `Allocation<T>`.
unsafe fn weight<T: Object>(header: NonNull<Header>) -> usize {
    // SAFETY: by contract the allocation is alive and of this type.
    unsafe { header.cast::<Allocation<T>>().as_ref() }
        .contents
        .weight()
}

/// # Safety
/// `header` must be the header of a live `Allocation<T>`.
unsafe fn forgotten<T: Object>(header: NonNull<Header>) {
    // SAFETY: by contract the allocation is alive and of this type.
    unsafe { header.cast::<Allocation<T>>().as_ref() }
        .contents
        .forgotten();
}

/// # Safety
/// `header` must be the header of an `Allocation<T>` whose count has not reached zero.
unsafe fn value<T: Object>(header: NonNull<Header>) -> Option<Value> {
    // SAFETY: by contract.
    unsafe { header.as_ref() }.retain();
    T::into_value(Ref(header.cast()))
}

impl Header {
    /// Adds one to the count.
    #[inline(always)]
    pub(super) fn retain(&self) {
        let count = self.count.load(Ordering::Relaxed);
        if count < sharing::plain_counts_end() {
            self.count.store(count + 1, Ordering::Relaxed);
        } else if count & IMMORTAL_BIT == 0 {
            self.retain_shared(count);
        }
    }

    /// Adds one to the count, while there is no other thread.
    #[inline(always)]
    pub(super) fn retain_alone(&self) {
        debug_assert!(!world::is_shared());
        let count = self.count.load(Ordering::Relaxed);
        if count & IMMORTAL_BIT == 0 {
            self.count.store(count + 1, Ordering::Relaxed);
        }
    }

    #[inline]
    fn retain_shared(&self, count: u32) {
        if count & COMMON_BIT != 0 {
            credit::take(self);
        } else {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an object that was found in a place which other threads change, without the lock of
    /// that place: false when the count has already reached zero, which is final. With `common`
    /// the place is one that many threads read, so the object is one that many threads count.
    #[inline(always)]
    pub(super) fn retain_found(&self, common: bool) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        count & IMMORTAL_BIT != 0 || self.retain_counted(count, common)
    }

    #[inline(never)]
    fn retain_counted(&self, mut count: u32, common: bool) -> bool {
        loop {
            if count & COMMON_BIT != 0 {
                return credit::take(self);
            }
            if count == 0 {
                return false;
            }
            let next = (count + 1) | if common { COMMON_BIT } else { 0 };
            match self.count.compare_exchange_weak(
                count,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => count = now,
            }
        }
    }

    /// Counts an object that was found, if that takes a few instructions: it is never counted, or the calling
    /// thread has a count in store.
    ///
    /// # Safety
    /// As for [`credit::take_from_store`].
    #[inline(always)]
    #[must_use]
    pub(super) unsafe fn retain_at_hand(&self) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        // SAFETY: passed on.
        count & IMMORTAL_BIT != 0
            || count & COMMON_BIT != 0 && unsafe { credit::take_from_store(self) }
    }

    /// Whether many threads count the object.
    #[inline(always)]
    pub(super) fn is_common(&self) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        count & COMMON_BIT != 0
    }

    /// Adds several to the count, unless it has reached zero.
    pub(super) fn add(&self, more: u32) -> bool {
        let mut count = self.count.load(Ordering::Relaxed);
        loop {
            if count & !COMMON_BIT == 0 {
                return false;
            }
            match self.count.compare_exchange_weak(
                count,
                count + more,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => count = now,
            }
        }
    }

    /// Takes several from the count; true when they were the last.
    pub(super) fn subtract(&self, less: u32) -> bool {
        if self.count.fetch_sub(less, Ordering::Release) & !COMMON_BIT == less {
            fence(Ordering::Acquire);
            return true;
        }
        false
    }

    /// Takes one from the count; true when it was the last.
    #[inline(always)]
    fn release(&self) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        if count < sharing::plain_counts_end() {
            return self.release_alone(count);
        }
        count & IMMORTAL_BIT == 0 && self.release_shared(count)
    }

    #[inline(always)]
    fn release_alone(&self, count: u32) -> bool {
        self.count.store(count - 1, Ordering::Relaxed);
        count & !COMMON_BIT == 1
    }

    #[inline]
    fn release_shared(&self, count: u32) -> bool {
        if count & COMMON_BIT != 0 {
            return !credit::give_back(self) && self.subtract(1);
        }
        self.subtract(1)
    }

    /// Takes one from the count, and frees the object if it was the last. As [`Header::release`], but with
    /// one thread nothing is called unless it was: what drops values needs no registers for it.
    ///
    /// # Safety
    /// The caller owns a count of the object, and gives it up.
    #[inline(always)]
    pub(super) unsafe fn let_go(this: NonNull<Header>) {
        // SAFETY: by contract the object is alive.
        let header = unsafe { this.as_ref() };
        let count = header.count.load(Ordering::Relaxed);
        if count < sharing::plain_counts_end() {
            if header.release_alone(count) {
                reclaim::free(this);
            }
        } else if count & IMMORTAL_BIT == 0 {
            // SAFETY: passed on.
            unsafe { Header::let_go_shared(this, count) }
        }
    }

    /// # Safety
    /// As for [`Header::let_go`].
    // Never inlined: `put_into_store` asks for it.
    #[inline(never)]
    unsafe fn let_go_shared(this: NonNull<Header>, count: u32) {
        // SAFETY: by contract the object is alive; this function leaves its stack for no other.
        let is_in_store =
            count & COMMON_BIT != 0 && unsafe { credit::put_into_store(this.as_ref()) };
        if !is_in_store {
            // SAFETY: passed on.
            unsafe { Header::let_go_slowly(this, count) };
        }
    }

    /// # Safety
    /// As for [`Header::let_go`].
    #[inline(never)]
    unsafe fn let_go_slowly(this: NonNull<Header>, count: u32) {
        // SAFETY: by contract the object is alive.
        let header = unsafe { this.as_ref() };
        let kept = count & COMMON_BIT != 0 && credit::give_back_lot(header);
        if !kept && header.subtract(1) {
            reclaim::retire(this);
        }
    }

    /// Calls `visit` for every value that the object owns a count of.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the table belongs to the object's own type, and whoever has the header keeps the
        // object alive.
        unsafe { (self.table.traverse)(NonNull::from(self), visit) }
    }

    /// Lets the object go of what it refers to: see [`Object::clear`].
    pub(super) fn clear(&self) {
        // SAFETY: as in `traverse`.
        unsafe { (self.table.clear)(NonNull::from(self)) }
    }

    /// The object as a value; `None` for kinds that scripts never see.
    pub fn value(&self) -> Option<Value> {
        // SAFETY: as in `traverse`; whoever has the header owns a count.
        unsafe { (self.table.value)(NonNull::from(self)) }
    }

    /// About how many bytes of memory it owns besides its own.
    #[inline]
    pub(super) fn weight(&self) -> usize {
        match self.table.weight {
            // SAFETY: as in `traverse`.
            Some(weight) => unsafe { weight(NonNull::from(self)) },
            None => 0,
        }
    }

    /// Does what is due when the count has reached zero and the object waits to be freed.
    #[inline]
    pub(super) fn forgotten(&self) {
        if let Some(forgotten) = self.table.forgotten {
            // SAFETY: as in `traverse`.
            unsafe { forgotten(NonNull::from(self)) }
        }
    }

    /// Whether it refers to nothing, whatever happens.
    #[inline]
    pub(super) fn is_leaf(&self) -> bool {
        self.table.is_leaf
    }

    /// What the collector and weak references note.
    #[inline]
    pub(super) fn noted(&self) -> u32 {
        self.collector.load(Ordering::Relaxed)
    }

    /// Changes what is noted. Two threads never do so at once: the object's maker does before
    /// anybody else sees it, a collection while the world is stopped, and all else under the lock
    /// of the table of weak references.
    #[inline]
    pub(super) fn note(&self, noted: u32) {
        self.collector.store(noted, Ordering::Relaxed);
    }

    /// Notes that weak references to the object exist.
    pub(super) fn note_weak(&self) {
        self.collector.fetch_or(WEAK_BIT, Ordering::Relaxed);
    }

    /// Registers an object of a kind that closes cycles only when a script changes it.
    pub fn register_late(&self) {
        if self.noted() & !WEAK_BIT == 0 && self.count().is_some() {
            let number = registry::enter(NonNull::from(self));
            let before = self.collector.fetch_or(number, Ordering::Relaxed);
            debug_assert_eq!(before & !WEAK_BIT, 0, "registered by two threads at once");
        }
    }

    /// The present count, or `None` for an object that is never freed.
    pub fn count(&self) -> Option<u32> {
        let count = self.count.load(Ordering::Relaxed);
        (count & IMMORTAL_BIT == 0).then_some(count & !COMMON_BIT)
    }

    /// Drops the contents and gives the memory back.
    ///
    /// # Safety
    /// The count must have reached zero, and no thread may still be reading the object.
    pub(super) unsafe fn destroy(this: NonNull<Header>) {
        // SAFETY: the table belongs to the object's own type; the rest is the caller's promise.
        unsafe { (this.as_ref().table.destroy)(this) }
    }
}

/// A counted pointer to an object.
pub struct Ref<T: Object>(NonNull<Allocation<T>>);

// SAFETY: objects are `Send + Sync` by the bound on `Object`; the count is changed plainly only
// while a single thread can hold values, which the world's sharing flag guarantees.
unsafe impl<T: Object> Send for Ref<T> {}
// SAFETY: as above.
unsafe impl<T: Object> Sync for Ref<T> {}

impl<T: Object> Ref<T> {
    /// Moves `contents` to the heap with a count of one.
    #[inline]
    pub fn new(contents: T) -> Self {
        Ref::with_room(contents, 0)
    }

    /// Moves `contents` to the heap with a count of one, with room for this many values behind it.
    /// It must be what the object's own [`Object::room`] says.
    #[inline(always)]
    pub(super) fn with_room(contents: T, room: usize) -> Self {
        Ref::placed(blocks::take, contents, room)
    }

    /// The same for an object that is never counted nor freed.
    pub(super) fn for_good(contents: T, room: usize) -> Self {
        let object = Ref::placed(blocks::take_for_good, contents, room);
        object.make_immortal();
        object
    }

    #[inline(always)]
    fn placed(take: impl FnOnce(Layout) -> *mut u8, contents: T, room: usize) -> Self {
        const {
            assert!(align_of::<Allocation<T>>() >= align_of::<Value>());
        }
        let layout = layout::<T>(room);
        let place = take(layout).cast::<Allocation<T>>();
        let Some(place) = NonNull::new(place) else {
            std::alloc::handle_alloc_error(layout)
        };
        // SAFETY: allocated just now for this type.
        unsafe {
            place.write(Allocation {
                header: Header {
                    count: AtomicU32::new(1),
                    collector: AtomicU32::new(0),
                    table: &TableOf::<T>::TABLE,
                },
                contents,
            });
        }
        if T::CLOSES_CYCLES {
            let number = registry::enter(place.cast());
            // SAFETY: made just now.
            unsafe { place.as_ref() }.header.note(number);
        }
        Ref(place)
    }

    /// The room behind the object.
    #[inline(always)]
    pub(super) fn room_behind(&self) -> *mut Value {
        // SAFETY: one past the allocation, which the room begins at.
        unsafe { self.0.as_ptr().add(1).cast() }
    }

    /// The contents of an object that was made just now.
    ///
    /// # Safety
    /// Nobody else may know the object.
    #[inline(always)]
    pub(super) unsafe fn made_just_now(&mut self) -> &mut T {
        // SAFETY: by contract.
        unsafe { &mut (*self.0.as_ptr()).contents }
    }

    /// An object that is never counted nor freed: for what belongs to a program or the process.
    pub fn immortal(contents: T) -> Self {
        Ref::for_good(contents, 0)
    }

    /// Takes the object out of counting for good. Only its maker may do so, before it is shared.
    pub fn make_immortal(&self) {
        self.header().count.store(IMMORTAL, Ordering::Relaxed);
        let noted = self.header().noted();
        if noted & !WEAK_BIT != 0 {
            registry::leave(noted & !WEAK_BIT);
            self.header().note(noted & WEAK_BIT);
        }
    }

    /// The object's header.
    #[inline(always)]
    pub fn header(&self) -> &Header {
        // SAFETY: a `Ref` owns a count, so the allocation is alive.
        unsafe { &self.0.as_ref().header }
    }

    /// The object's address, its identity.
    #[inline(always)]
    pub fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Calls `visit` with the value that a reference like this makes, without counting it.
    #[inline]
    pub fn visit(&self, value: impl FnOnce(Ref<T>) -> Value, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the copy owns no count, and is never dropped.
        let value = std::mem::ManuallyDrop::new(value(unsafe { std::ptr::read(self) }));
        visit(&value);
    }

    /// Lets go of the object where no other object may be freed: with several threads it goes at a
    /// later safepoint even if others are due.
    pub(super) fn let_go_later(self) {
        let this = std::mem::ManuallyDrop::new(self);
        if this.header().release() {
            reclaim::retire_later(this.0.cast());
        }
    }

    /// Whether both are the same object.
    #[inline(always)]
    pub fn same(&self, other: &Ref<T>) -> bool {
        self.0 == other.0
    }

    /// Whether this is the only reference, so that nobody else can see a change.
    #[inline(always)]
    pub fn is_unique(&self) -> bool {
        self.header().count.load(Ordering::Acquire) & !COMMON_BIT == 1
    }

    /// The contents for a change that nobody can see: this is the only reference, and one thread
    /// is all there is, so that none reads the object without having counted it.
    #[inline]
    pub(super) fn unique_mut(&mut self) -> Option<&mut T> {
        if world::is_shared() || !self.is_unique() {
            return None;
        }
        // SAFETY: no other reference exists and no other thread, as checked just now.
        Some(unsafe { &mut (*self.0.as_ptr()).contents })
    }

    /// Counts the object for a reader that found it in a shared place without a lock, unless its
    /// count has already reached zero, which is final.
    pub fn retain_unless_zero(header: &Header) -> bool {
        header.retain_found(false)
    }

    /// The object behind a reference that lives as long as the process.
    ///
    /// Only for immortal objects; `None` for counted ones.
    pub fn leak(&self) -> Option<&'static T> {
        if self.header().count().is_none() {
            // SAFETY: an immortal object is never freed.
            Some(unsafe { &(*self.0.as_ptr()).contents })
        } else {
            None
        }
    }
}

/// A pointer to an object that owns no count of it.
pub struct Uncounted<T: Object>(NonNull<Allocation<T>>);

// SAFETY: it is a `Ref` as far as sharing goes; following it is unsafe.
unsafe impl<T: Object> Send for Uncounted<T> {}
// SAFETY: as above.
unsafe impl<T: Object> Sync for Uncounted<T> {}

impl<T: Object> Ref<T> {
    /// The pointer once more if the object is never counted, nor freed.
    #[inline(always)]
    pub fn kept(&self) -> Option<ManuallyDrop<Ref<T>>> {
        self.header()
            .count()
            .is_none()
            .then(|| ManuallyDrop::new(Ref(self.0)))
    }

    /// A pointer that does not keep the object alive.
    pub fn uncounted(&self) -> Uncounted<T> {
        Uncounted(self.0)
    }
}

impl<T: Object> Uncounted<T> {
    /// Whether it points to these contents.
    pub fn points_to(&self, contents: &T) -> bool {
        // SAFETY: only the address of the field is computed.
        std::ptr::eq(unsafe { &raw const (*self.0.as_ptr()).contents }, contents)
    }

    /// A counted reference, unless the count has reached zero.
    ///
    /// # Safety
    /// The object's memory must not have been given back.
    pub unsafe fn upgrade(&self) -> Option<Ref<T>> {
        // SAFETY: by contract.
        let header = unsafe { &self.0.as_ref().header };
        Ref::<T>::retain_unless_zero(header).then_some(Ref(self.0))
    }

    /// The contents.
    ///
    /// # Safety
    /// The object's memory must not have been given back.
    pub unsafe fn contents(&self) -> &T {
        // SAFETY: by contract.
        unsafe { &self.0.as_ref().contents }
    }
}

impl<T: Object> Deref for Ref<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a `Ref` owns a count, so the allocation is alive.
        unsafe { &self.0.as_ref().contents }
    }
}

impl<T: Object> Clone for Ref<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        self.header().retain();
        Ref(self.0)
    }
}

impl<T: Object> Drop for Ref<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: it owns a count, and is not used again.
        unsafe { Header::let_go(self.0.cast()) };
    }
}

impl<T: Object + std::fmt::Debug> std::fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}
