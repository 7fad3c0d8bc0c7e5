//! Tests of the arena, its slots, its extents and its handles: what lives, what dies, what comes
//! back.

use super::arena::{self, ArenaError, arena};
use super::arena_place;
use super::extent;
use super::fork::{ForeignThreads, set_foreign_threads};
use super::process::spawn_child;
use super::shared_block::SharedBlock;
use super::shared_queue::{Message, SharedQueue};
use super::shared_steps::testing::{die_at, live_on};
use super::shared_sweep::{reclaim, sweep_dead};
use super::shared_testing::{fork, killed_at, tests_alone};
use super::shared_wait::Until;
use super::slot::{self, is_alive};
use super::testing::set_limit;
use std::ops::Range;
use std::ptr::null_mut;
use std::time::Duration;

/// A new mapping of so many bytes that nobody touches.
fn addresses(bytes: usize) -> Range<usize> {
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: replaces nothing.
    let start = unsafe { libc::mmap(null_mut(), bytes, libc::PROT_NONE, kind, -1, 0) };
    assert_ne!(start, libc::MAP_FAILED);
    start.addr()..start.addr() + bytes
}

/// Takes all memory there is; returns how many bytes that was.
fn exhaust() -> (Vec<u64>, u64) {
    let mut extents = Vec::new();
    let mut total = 0;
    for size in [1 << 20, 64 * 1024, 16 * 1024, 1024, 64] {
        loop {
            match extent::allocate(size) {
                Ok(extent) => {
                    // SAFETY: the extent is real, that long, and this process's own.
                    unsafe {
                        let address = arena::here().address(extent);
                        std::ptr::write_bytes(address, 0xa5, size as usize);
                    }
                    extents.push(extent);
                    total += size;
                }
                Err(error) => {
                    assert_eq!(error, ArenaError::Full);
                    break;
                }
            }
        }
    }
    (extents, total)
}

tests_alone! {
    fn liveness_is_the_kernels_word(_thread) {
        let ready = SharedBlock::new(1).unwrap();
        let me = slot::current().unwrap();
        assert!(is_alive(me));
        let child = fork(|| {
            // A grandchild that outlives its parent is still seen by all.
            let grandchild = fork(|| {
                assert!(ready.write(0, &[1]));
                loop {
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            assert!(is_alive(grandchild.id));
            let info = slot::info(slot::current().unwrap()).unwrap();
            assert_eq!(info.pid as u32, std::process::id());
            loop {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let is_ready = || {
            let mut byte = [0];
            ready.read(0, &mut byte) && byte[0] == 1
        };
        while !is_ready() {
            std::thread::yield_now();
        }
        let grandchild = *slot::living()
            .iter()
            .find(|&&id| id != me && id != child.id)
            .unwrap();
        assert_eq!(slot::info(grandchild).unwrap().parent, Some(child.id));
        child.kill();
        assert_eq!(child.wait_silently(), -libc::SIGKILL);
        assert!(!is_alive(child.id), "dead at once, also before anybody cleared away");
        assert!(is_alive(grandchild), "an orphan, and alive");
        let pid = slot::info(grandchild).unwrap().pid;
        // SAFETY: a process of this test.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        while is_alive(grandchild) {
            std::thread::yield_now();
        }
        assert_eq!(slot::info(child.id).unwrap().name, "child");
        slot::reaped(child.id);
        sweep_dead();
        assert_eq!(slot::living(), [me]);
        assert!(!is_alive(child.id));
    }

    fn a_slot_is_not_its_former_holders(_thread) {
        let mut ids = Vec::new();
        for _ in 0..300 {
            let child = fork(|| 0);
            ids.push(child.id);
            child.wait();
        }
        assert!(ids.iter().all(|&id| !is_alive(id)));
        ids.sort_by_key(|id| id.tag());
        ids.dedup();
        assert_eq!(ids.len(), 300);
    }

    fn a_claim_without_a_child_is_given_back(_thread) {
        let claim = slot::claim_for_child("never").unwrap();
        let id = claim.id();
        assert!(is_alive(id), "starting, and its parent lives");
        claim.abandon();
        assert!(!is_alive(id));
    }

    fn an_orderly_end_leaves_nothing(_thread) {
        let block = SharedBlock::new(100).unwrap();
        let child = fork(|| {
            let other = SharedBlock::new(10).unwrap();
            assert_eq!(block.handle().references(), 2);
            std::mem::forget(other);
            slot::leave();
            0
        });
        let id = child.id;
        assert_eq!(child.wait_silently(), 0);
        assert!(!is_alive(id));
        assert_eq!(block.handle().references(), 1);
    }

    fn forks_of_the_runtime_have_slots(thread) {
        // The test harness's own.
        set_foreign_threads(ForeignThreads::Allow);
        let queue = SharedQueue::new(None).unwrap();
        let children: Vec<_> = (0..4)
            .map(|index| {
                spawn_child(thread, |thread| {
                    let number = [index];
                    queue.put(thread, &number, &[], Until::Forever).unwrap();
                    if index % 2 == 0 {
                        // SAFETY: this child's own end, by a signal.
                        unsafe { libc::raise(libc::SIGKILL) };
                    }
                    0
                })
                .unwrap()
            })
            .collect();
        let mut message = Message::default();
        for child in &children {
            queue.get(thread, &mut message, Until::Forever).unwrap();
            child.wait(thread, None).unwrap();
            assert!(!is_alive(child.slot().unwrap()));
        }
        assert_eq!(queue.handle().references(), 1);
        assert_eq!(slot::living(), [slot::current().unwrap()]);
    }

    fn the_dead_name_nothing(_thread) {
        let block = SharedBlock::new(100).unwrap();
        let children: Vec<_> = (0..5).map(|_| fork(|| loop {
            std::thread::sleep(Duration::from_millis(100));
        })).collect();
        assert_eq!(block.handle().references(), 6);
        for child in &children {
            child.kill();
            child.wait_silently();
            if is_alive(child.id) {
                // It had not yet taken its slot, so only its parent knows.
                slot::reaped(child.id);
            }
        }
        sweep_dead();
        assert_eq!(block.handle().references(), 1);
        assert!(block.write(1, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
        let mut bytes = [0; 12];
        assert!(block.read(1, &mut bytes));
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert!(!block.read(90, &mut bytes));
    }

    fn running_out_is_an_error_and_passes(_thread) {
        arena::set_reservation(32 << 20);
        let (extents, total) = exhaust();
        assert!(total > 24 << 20, "only {total} bytes of 32 MiB could be used");
        assert_eq!(SharedBlock::new(1 << 20).unwrap_err(), ArenaError::Full);
        for extent in extents {
            extent::free(extent);
        }
        let (extents, again) = exhaust();
        assert!(again + (1 << 20) > total, "{again} of {total} bytes came back");
        // A child that dies with all of the rest.
        for extent in extents {
            extent::free(extent);
        }
        let child = fork(|| {
            exhaust();
            // SAFETY: this child's own end.
            unsafe { libc::_exit(7) }
        });
        assert_eq!(child.wait_silently(), 7);
        let block = SharedBlock::new(1 << 20).expect("what the dead had is cleared away on need");
        drop(block);
        let (_, again) = exhaust();
        assert!(again + (1 << 20) > total, "{again} of {total} bytes came back");
    }

    fn memory_goes_back_to_the_system(_thread) {
        let arena = arena().unwrap();
        let before = arena.real_bytes();
        let extents: Vec<_> = (0..100).map(|_| extent::allocate(1 << 20).unwrap()).collect();
        assert!(arena.real_bytes() >= before + (100 << 20));
        for extent in extents {
            extent::free(extent);
        }
        assert!(arena.real_bytes() <= before + (10 << 20));
    }

    fn a_limit_on_address_space_is_respected(_thread) {
        set_limit(libc::RLIMIT_AS, 1 << 30);
        let arena = arena().unwrap();
        assert!(arena.reservation() <= 256 << 20);
        assert!(SharedBlock::new(1 << 20).is_ok());
        assert!(vec![0_u8; 256 << 20].len() > 1, "there is room for the rest");
    }

    fn it_lies_above_what_was_mapped_for_that(_thread) {
        let below = arena_place::with_room_above(|| addresses(64 << 20));
        arena_place::wish_above(below.end, arena::ALIGNMENT);
        let base = arena().unwrap().address(0).addr();
        assert!(base > below.end && base - below.end <= arena::ALIGNMENT, "{base:x} {below:x?}");
        assert!(SharedBlock::new(1 << 20).is_ok());
    }

    fn where_the_place_that_is_wished_for_is_taken_it_lies_elsewhere(_thread) {
        let taken = addresses(2 * arena::ALIGNMENT);
        arena_place::wish_above(taken.start, arena::ALIGNMENT);
        let base = arena().unwrap().address(0).addr();
        assert!(!taken.contains(&base), "{base:x} {taken:x?}");
        assert!(SharedBlock::new(1 << 20).is_ok());
    }

    fn one_processor_leaves_no_permit_to_spin(_thread) {
        // SAFETY: all zero is a valid set, filled in and then set for this process of its own.
        unsafe {
            let mut set = std::mem::zeroed::<libc::cpu_set_t>();
            let size = size_of::<libc::cpu_set_t>();
            assert_eq!(libc::sched_getaffinity(0, size, &mut set), 0);
            let first = (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, &set));
            let mut one = std::mem::zeroed::<libc::cpu_set_t>();
            libc::CPU_SET(first.unwrap(), &mut one);
            assert_eq!(libc::sched_setaffinity(0, size, &one), 0);
        }
        let permits = &arena().unwrap().header().permit_count;
        assert_eq!(permits.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    fn a_limit_on_file_size_raises_no_signal(_thread) {
        set_limit(libc::RLIMIT_FSIZE, 16 << 20);
        assert!(arena().unwrap().reservation() <= 16 << 20);
        let (_, total) = exhaust();
        assert!(total > 8 << 20);
    }

    fn a_limit_on_file_size_may_leave_nothing(_thread) {
        set_limit(libc::RLIMIT_FSIZE, 1 << 20);
        assert_eq!(arena().map(|_| ()).unwrap_err(), ArenaError::Full);
    }

    fn no_step_of_allocating_loses_memory(_thread) {
        arena::set_reservation(64 << 20);
        let work = || {
            // Each of these reaches another path: a slab's first piece, a run that splits others,
            // an object with an extent, a table that grows.
            let small = extent::allocate(100).unwrap();
            let large = extent::allocate(300_000).unwrap();
            let blocks: Vec<_> = (0..40).map(|_| SharedBlock::new(20_000).unwrap()).collect();
            let larger = extent::allocate(1 << 20).unwrap();
            extent::free(large);
            extent::free(small);
            drop(blocks);
            extent::free(larger);
        };
        work();
        let (extents, total) = exhaust();
        for extent in extents {
            extent::free(extent);
        }
        let mut step = 1;
        loop {
            let done = killed_at(step, || {
                work();
            }) == 0;
            if step % 100 == 0 || done {
                let (extents, now) = exhaust();
                assert!(now + (2 << 20) > total, "step {step}: {now} of {total} bytes are left");
                for extent in extents {
                    extent::free(extent);
                }
            }
            if done {
                break;
            }
            // Beyond the first few hundred the same loops come again and again.
            step += if step < 600 { 1 } else { 13 };
        }
        assert!(step > 1000);
    }

    fn no_step_of_making_memory_real_hides_it(_thread) {
        arena::set_reservation(64 << 20);
        // More than stays real when it is free.
        let work = || {
            let extents: Vec<_> = (0..12).map(|_| extent::allocate(1 << 20).unwrap()).collect();
            for extent in extents {
                extent::free(extent);
            }
        };
        let arena = arena().unwrap();
        work();
        reclaim(arena);
        let before = arena.real_bytes();
        let mut step = 1;
        loop {
            let done = killed_at(step, || {
                work();
            }) == 0;
            reclaim(arena);
            let after = arena.real_bytes();
            assert!(after < before + (256 << 10), "step {step}: {} bytes", after - before);
            if done {
                break;
            }
            step += 1;
        }
        assert!(step > 300, "{step}");
    }

    fn no_step_of_sweeping_loses_memory(_thread) {
        arena::set_reservation(64 << 20);
        let kept = SharedBlock::new(100).unwrap();
        let leave_a_mess = || {
            let child = fork(|| {
                extent::allocate(300_000).unwrap();
                for _ in 0..10 {
                    std::mem::forget(SharedBlock::new(70_000));
                }
                // SAFETY: this child's own end, in the middle of everything.
                unsafe { libc::_exit(0) }
            });
            child.wait_silently();
        };
        leave_a_mess();
        sweep_dead();
        let (extents, total) = exhaust();
        for extent in extents {
            extent::free(extent);
        }
        let mut step = 1;
        loop {
            let sweeper = fork(|| {
                leave_a_mess();
                die_at(step);
                sweep_dead();
                live_on();
                0
            });
            let code = sweeper.wait_silently();
            sweep_dead();
            assert_eq!(kept.handle().references(), 1);
            if step % 50 == 1 || code == 0 {
                let (extents, now) = exhaust();
                assert!(now + (2 << 20) > total, "step {step}: {now} of {total} bytes are left");
                for extent in extents {
                    extent::free(extent);
                }
            }
            if code == 0 {
                break;
            }
            step += if step < 100 { 1 } else { 7 };
        }
        assert!(step > 200);
    }
}
