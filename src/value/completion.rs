//! What a class of the language has from its start, put in when somebody asks for any of it. A script uses a few of
//! more than a hundred such classes, and every child of a fork copies the map of the memory of all. It must not know
//! what is put in.

use std::cell::Cell;
use std::ptr::{dangling_mut, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::class::Class;
use crate::runtime::leaf_lock::assert_no_lock_held;

/// Puts the attributes of a class in.
type Work = Box<dyn FnOnce(&Class) + Send>;

/// Whether a class is complete, and what completes it.
///
/// Three states: null, complete; [`at_work`], somebody is completing it; else what is to be done. It leaves the
/// third, and enters the first from the second, under the lock of all completions.
pub(super) struct Completion(AtomicPtr<Work>);

/// One for all classes: to complete one may take others that it knows, in any order. Taken with no other lock held.
/// Whoever holds it waits for nobody, runs no script and comes to no safepoint, so no fork finds it held. Nothing that
/// is made once may ask an incomplete class while it is made: a completion may wait for it.
static LOCK: Mutex<()> = Mutex::new(());

thread_local! {
    /// Whether the thread has the lock.
    static HAS_LOCK: Cell<bool> = const { Cell::new(false) };
}

/// Stands for work that has been taken. Never followed.
fn at_work() -> *mut Work {
    dangling_mut()
}

impl Completion {
    /// That of a class which has all that it will have.
    pub(super) const fn done() -> Completion {
        Completion(AtomicPtr::new(null_mut()))
    }

    /// Has `work` done once somebody asks; what was to be done before is done now.
    pub(super) fn put_off(&self, class: &Class, work: impl FnOnce(&Class) + Send + 'static) {
        self.reach(class);
        let work: Work = Box::new(work);
        let before = self.0.swap(Box::into_raw(Box::new(work)), Ordering::AcqRel);
        debug_assert!(before.is_null(), "a class is completed twice at once");
    }

    /// Completes the class unless it is complete, or the calling thread is just completing it.
    #[inline(always)]
    pub(super) fn reach(&self, class: &Class) {
        if !self.0.load(Ordering::Acquire).is_null() {
            self.complete(class);
        }
    }

    #[cold]
    #[inline(never)]
    fn complete(&self, class: &Class) {
        assert_no_lock_held();
        let _within = Within::new();
        let work = self.0.load(Ordering::Acquire);
        if !work.is_null() && work != at_work() {
            self.0.store(at_work(), Ordering::Release);
            // SAFETY: from `put_off`, and only this thread, which has the lock, takes it.
            let work = unsafe { Box::from_raw(work) };
            work(class);
            self.0.store(null_mut(), Ordering::Release);
        }
    }
}

/// The calling thread has the lock, as long as this is there.
struct Within {
    /// `None` where it had it before.
    _lock: Option<MutexGuard<'static, ()>>,
    before: bool,
}

impl Within {
    fn new() -> Within {
        let before = HAS_LOCK.get();
        let lock = (!before).then(|| LOCK.lock().unwrap_or_else(PoisonError::into_inner));
        HAS_LOCK.set(true);
        Within {
            _lock: lock,
            before,
        }
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        HAS_LOCK.set(self.before);
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        let work = *self.0.get_mut();
        if !work.is_null() && work != at_work() {
            // SAFETY: from `put_off`, and nobody took it.
            drop(unsafe { Box::from_raw(work) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::class::{Class, Layout};
    use super::super::name::Name;
    use super::super::object::Ref;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn class(name: &str) -> Ref<Class> {
        Class::builtin(name, None, Layout::Object)
    }

    #[test]
    fn a_class_is_completed_once_and_by_any_look() {
        let looks: [fn(&Class); 4] = [
            |class| assert_eq!(class.entries().len(), 1),
            |class| assert!(class.own(Name::new("first")).is_some()),
            |class| class.set(Name::new("second"), Value::None),
            |class| assert!(class.remove(Name::new("first")).is_some()),
        ];
        for look in looks {
            let class = class("Completed");
            let count = Arc::new(AtomicUsize::new(0));
            let there = count.clone();
            class.complete_later(move |class| {
                there.fetch_add(1, Ordering::Relaxed);
                class.set(Name::new("first"), Value::Int(1));
            });
            assert_eq!(count.load(Ordering::Relaxed), 0);
            look(&class);
            assert_eq!(class.entries().len(), class.entries().len());
            assert_eq!(count.load(Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn what_a_class_is_completed_with_may_ask_others_that_ask_it() {
        let (first, second) = (class("First"), class("Second"));
        let other = second.clone();
        first.complete_later(move |class| {
            class.set(Name::new("own"), Value::Int(1));
            let found = other.own(Name::new("of_first")).unwrap_or_default();
            class.set(Name::new("of_second"), found);
        });
        let other = first.clone();
        second.complete_later(move |class| {
            let found = other.own(Name::new("own")).unwrap_or_default();
            class.set(Name::new("of_first"), found);
        });
        assert!(matches!(
            first.own(Name::new("of_second")),
            Some(Value::Int(1))
        ));
    }
}
