//! Objects under threads, without an evaluator: counts, locks, the end of objects, collections. Made
//! to be run under ThreadSanitizer too; see `tests/README.md`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::class::{Class, Layout};
use super::function::Cell;
use super::list::List;
use super::name::Name;
use super::object::Ref;
use super::types::types;
use super::weak::WeakPointer;
use super::{Dict, Value, cycles, reclaim};
use crate::runtime::testing::{Random, in_fresh_process, register_main};
use crate::runtime::thread::{self, ThreadHandle};
use crate::runtime::{clock::Deadline, world};
use crate::value::instance::{Instance, NativeData, Payload};

const STACK: usize = 1 << 20;
const THREADS: usize = 4;
const TURNS: usize = 2_000;

static LIVING: AtomicUsize = AtomicUsize::new(0);

/// Counts how many of its kind there are.
struct Counted;

impl Counted {
    fn value() -> Value {
        LIVING.fetch_add(1, Ordering::Relaxed);
        let class = types().object.clone();
        Value::Instance(Instance::new(class, Payload::Native(Box::new(Counted))))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl NativeData for Counted {}

fn collect(thread: &ThreadHandle) -> usize {
    reclaim::collect();
    let found = world::stop_the_world(thread, cycles::find);
    let count = found.len();
    found.leave_to_all();
    cycles::free_some(usize::MAX);
    reclaim::expedite();
    count
}

struct Shared {
    list: Ref<List>,
    dict: Ref<Dict>,
    /// Each key's value is the key itself.
    table: Ref<Dict>,
    instance: Ref<Instance>,
    cell: Ref<Cell>,
    pushed: AtomicUsize,
    popped: AtomicUsize,
    /// Only one thread collects at a time, as in a session.
    collects: std::sync::atomic::AtomicBool,
}

fn turn(thread: &ThreadHandle, shared: &Shared, random: &mut Random) {
    match random.below(14) {
        0 | 1 => {
            shared.list.push(Counted::value());
            shared.pushed.fetch_add(1, Ordering::Relaxed);
        }
        2 => {
            let item = shared.list.lock().pop();
            shared
                .popped
                .fetch_add(usize::from(item.is_some()), Ordering::Relaxed);
            drop(item);
        }
        3 => drop(shared.list.snapshot()),
        4 => shared.cell.set(Counted::value()),
        5 => drop(shared.cell.get()),
        6 => {
            let name = ["one", "two", "three"][random.below(3) as usize];
            shared.dict.set_name(Name::new(name), Counted::value());
        }
        12 => {
            // Without the lock, and of a table that others change, clear and outgrow.
            let name = Name::new(&format!("name {}", random.below(40)));
            if let Some(value) = shared.table.get_name(name) {
                assert!(matches!(&value, Value::Str(text) if text.as_str() == name.as_str()));
            }
            let mut position = 0;
            while let Some((key, value)) = shared.table.entry_at(&mut position) {
                assert!(key.same(&value));
            }
            assert!(shared.table.len() <= 40);
        }
        13 => {
            let name = Name::new(&format!("name {}", random.below(40)));
            match random.below(20) {
                0 => shared.table.clear(),
                1..6 => drop(shared.table.remove_str(name.as_str())),
                _ => shared.table.set_name(name, name.value()),
            }
        }
        7 => drop(shared.dict.copy().map(|copy| Value::Dict(Ref::new(copy)))),
        8 => {
            let name = ["a", "b", "c"][random.below(3) as usize];
            shared.instance.set(Name::new(name), Counted::value());
        }
        9 => drop(shared.instance.entries()),
        10 => {
            // A cycle, and somebody who watches it.
            let list = Ref::new(List::new(vec![Counted::value()]));
            let watch = WeakPointer::new(&list.lock()[0].clone(), false);
            list.push(Value::List(list.clone()));
            assert!(watch.and_then(|watch| watch.get()).is_some());
        }
        _ => {
            if random.below(50) == 0 && !shared.collects.swap(true, Ordering::Acquire) {
                collect(thread);
                shared.collects.store(false, Ordering::Release);
            }
        }
    }
    if world::poll_requested() {
        thread.safepoint();
        reclaim::collect();
    }
}

#[test]
fn objects_survive_threads_and_end_with_them() {
    in_fresh_process(
        module_path!(),
        "objects_survive_threads_and_end_with_them",
        || {
            let main = register_main();
            let shared = Arc::new(Shared {
                list: Ref::new(List::new(Vec::new())),
                dict: Ref::new(Dict::with_capacity(0)),
                table: Ref::new(Dict::with_capacity(0)),
                instance: Instance::new(types().object.clone(), Payload::None),
                cell: Ref::new(Cell::new(Value::None)),
                pushed: AtomicUsize::new(0),
                popped: AtomicUsize::new(0),
                collects: std::sync::atomic::AtomicBool::new(false),
            });
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let shared = shared.clone();
                    let body = move |thread: &ThreadHandle| {
                        let mut random = Random::new(number as u64 + 1);
                        for _ in 0..TURNS {
                            turn(thread, &shared, &mut random);
                        }
                        drop(shared);
                        reclaim::hand_over();
                    };
                    thread::spawn(&main, "worker", STACK, body).unwrap()
                })
                .collect();
            let end = Deadline::after(std::time::Duration::from_secs(100));
            for thread in threads {
                assert!(matches!(thread.join(&main, Some(end)), Ok(true)));
            }
            let left = shared.list.len() + shared.popped.load(Ordering::Relaxed);
            assert_eq!(left, shared.pushed.load(Ordering::Relaxed));
            drop(shared);
            for _ in 0..3 {
                collect(&main);
                main.safepoint();
                reclaim::collect();
            }
            assert_eq!(LIVING.load(Ordering::Relaxed), 0, "a leak");
        },
    );
}

#[test]
fn a_cycle_is_found_and_what_is_in_use_is_not() {
    in_fresh_process(
        module_path!(),
        "a_cycle_is_found_and_what_is_in_use_is_not",
        || {
            let main = register_main();
            let kept = Ref::new(List::new(vec![Counted::value()]));
            kept.push(Value::List(kept.clone()));
            let lost = Ref::new(List::new(vec![Counted::value()]));
            lost.push(Value::tuple_of([Value::List(lost.clone())]));
            lost.push(Value::List(kept.clone()));
            let watch = WeakPointer::new(&lost.lock()[0].clone(), false).unwrap();
            assert_eq!(collect(&main), 0);
            assert_eq!(LIVING.load(Ordering::Relaxed), 2);
            drop(lost);
            assert!(watch.get().is_some());
            // The list, the tuple and what is counted.
            assert_eq!(collect(&main), 3);
            assert!(watch.get().is_none());
            assert_eq!(LIVING.load(Ordering::Relaxed), 1);
            assert_eq!(kept.len(), 2);
            drop(kept);
            assert_eq!(collect(&main), 2);
            assert_eq!(LIVING.load(Ordering::Relaxed), 0);
        },
    );
}

#[test]
fn threads_that_ask_a_class_at_once_find_it_complete() {
    in_fresh_process(
        module_path!(),
        "threads_that_ask_a_class_at_once_find_it_complete",
        || {
            let main = register_main();
            for _ in 0..100 {
                let class = Class::builtin("Asked", None, Layout::Object);
                class.complete_later(|class| {
                    for number in 0..20 {
                        class.set(Name::new(&format!("name {number}")), Value::Int(number));
                    }
                });
                let begin = Arc::new(std::sync::Barrier::new(3));
                let ask = || {
                    let (class, begin) = (class.clone(), begin.clone());
                    let body = move |_: &ThreadHandle| {
                        begin.wait();
                        let last = class.own(Name::new("name 19"));
                        assert!(matches!(last, Some(Value::Int(19))));
                        assert_eq!(class.entries().len(), 20);
                    };
                    thread::spawn(&main, "asker", STACK, body).unwrap()
                };
                let threads = [ask(), ask(), ask()];
                let end = Deadline::after(std::time::Duration::from_secs(100));
                for thread in threads {
                    assert!(matches!(thread.join(&main, Some(end)), Ok(true)));
                }
            }
        },
    );
}
