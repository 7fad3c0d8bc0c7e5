//! Tests of the queue between processes: order, exactness and waiting.

use super::arena::{self, arena};
use super::clock::Deadline;
use super::handle::Handle;
use super::shared_block::SharedBlock;
use super::shared_queue::{Message, QueueError, SharedQueue};
use super::shared_testing::{fork, tests_alone};
use super::shared_wait::{Until, set_liveness_slices};
use super::thread::ThreadHandle;
use std::time::{Duration, Instant};

pub(super) fn put(queue: &SharedQueue, thread: &ThreadHandle, bytes: &[u8]) {
    queue.put(thread, bytes, &[], Until::Forever).unwrap();
}

pub(super) fn get(
    queue: &SharedQueue,
    thread: &ThreadHandle,
    until: Until,
) -> Result<Vec<u8>, QueueError> {
    let mut message = Message::default();
    queue.get(thread, &mut message, until)?;
    Ok(message.bytes)
}

fn soon(milliseconds: u64) -> Until {
    Until::Deadline(Deadline::after(Duration::from_millis(milliseconds)))
}

/// A message of a producer: who, which, and bytes that follow from both, so that every spoilt
/// message is seen.
pub(super) fn compose(producer: u64, number: u64, length: usize, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend(producer.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    let fill = producer.wrapping_mul(31).wrapping_add(number) as u8;
    bytes.resize(16 + length, fill);
}

pub(super) fn read(bytes: &[u8]) -> (u64, u64) {
    let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
    let (producer, number) = (word(0), word(8));
    let fill = producer.wrapping_mul(31).wrapping_add(number) as u8;
    assert!(
        bytes[16..].iter().all(|&byte| byte == fill),
        "spoilt message"
    );
    (producer, number)
}

/// Mostly small, sometimes larger than a ring likes, now and then in an extent of its own.
pub(super) fn length_of(number: u64) -> usize {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    match mixed % 400 {
        0 => 70_000 + (mixed % 100_000) as usize,
        1..20 => (mixed % 20_000) as usize,
        _ => (mixed % 1500) as usize,
    }
}

tests_alone! {
    fn messages_of_all_sizes_come_out_in_order(thread) {
        let queue = SharedQueue::new(None).unwrap();
        assert_eq!(get(&queue, thread, Until::Now), Err(QueueError::Empty));
        let mut bytes = Vec::new();
        for round in 0..3 {
            for number in 0..3000 {
                compose(round, number, length_of(number), &mut bytes);
                put(&queue, thread, &bytes);
                assert_eq!(queue.len(), number + 1);
            }
            for number in 0..3000 {
                let bytes = get(&queue, thread, Until::Now).unwrap();
                assert_eq!(bytes.len(), 16 + length_of(number));
                assert_eq!(read(&bytes), (round, number));
            }
            assert!(queue.is_empty());
        }
    }

    fn lengths_around_every_edge_pass(thread) {
        let queue = SharedQueue::new(None).unwrap();
        for length in (0..200).chain(4000..4200).chain(65_500..65_600).chain([1 << 20]) {
            let bytes: Vec<u8> = (0..length).map(|index: usize| index as u8).collect();
            put(&queue, thread, &bytes);
            put(&queue, thread, &bytes);
            assert_eq!(get(&queue, thread, Until::Now).unwrap(), bytes);
            assert_eq!(get(&queue, thread, Until::Now).unwrap(), bytes);
        }
    }

    fn a_bound_is_a_bound(thread) {
        let queue = SharedQueue::new(Some(3)).unwrap();
        for number in 0..3_u8 {
            assert!(!queue.is_full());
            put(&queue, thread, &[number]);
        }
        assert!(queue.is_full());
        assert_eq!(queue.put(thread, b"x", &[], Until::Now), Err(QueueError::Full));
        let start = Instant::now();
        assert_eq!(queue.put(thread, b"x", &[], soon(50)), Err(QueueError::Full));
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert_eq!(get(&queue, thread, Until::Now), Ok(vec![0]));
        put(&queue, thread, &[3]);
        for number in 1..4 {
            assert_eq!(get(&queue, thread, Until::Now), Ok(vec![number]));
        }
        let start = Instant::now();
        assert_eq!(get(&queue, thread, soon(50)), Err(QueueError::Empty));
        assert!(start.elapsed() >= Duration::from_millis(50));
    }

    fn tasks_are_counted(thread) {
        set_liveness_slices(false);
        let queue = SharedQueue::new(None).unwrap();
        queue.join(thread, Until::Now).unwrap();
        assert_eq!(queue.task_done(), Err(QueueError::TooManyDone));
        put(&queue, thread, b"1");
        put(&queue, thread, b"2");
        assert_eq!(queue.join(thread, soon(20)), Err(QueueError::Unfinished));
        let child = fork(|| {
            for _ in 0..2 {
                get(&queue, thread, Until::Forever).unwrap();
                std::thread::sleep(Duration::from_millis(20));
                queue.task_done().unwrap();
            }
            0
        });
        queue.join(thread, Until::Forever).unwrap();
        assert_eq!(queue.unfinished(), 0);
        assert_eq!(child.wait(), 0);
    }

    fn a_closed_queue_wakes_everybody(thread) {
        set_liveness_slices(false);
        let queue = SharedQueue::new(Some(1)).unwrap();
        let full = SharedQueue::new(Some(1)).unwrap();
        put(&full, thread, b"x");
        let children: Vec<_> = (0..6)
            .map(|index| {
                fork(|| {
                    let result = match index % 2 {
                        0 => get(&queue, thread, Until::Forever).map(|_| ()),
                        _ => full.put(thread, b"y", &[], Until::Forever),
                    };
                    i32::from(result != Err(QueueError::Closed))
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(100));
        queue.close(false);
        full.close(false);
        for child in children {
            assert_eq!(child.wait(), 0);
        }
        assert_eq!(get(&full, thread, Until::Forever), Ok(b"x".to_vec()));
        assert_eq!(get(&full, thread, Until::Forever), Err(QueueError::Closed));
    }

    fn two_sleepers_and_two_puts(thread) {
        set_liveness_slices(false);
        let queue = SharedQueue::new(None).unwrap();
        let answers = SharedQueue::new(None).unwrap();
        let children: Vec<_> = (0..2)
            .map(|_| {
                fork(|| {
                    while get(&queue, thread, Until::Forever).unwrap() != b"end" {
                        put(&answers, thread, b"awake");
                    }
                    0
                })
            })
            .collect();
        for round in 0..200 {
            // Long enough, mostly, for both to have gone to sleep; right whether or not they have.
            std::thread::sleep(Duration::from_micros(if round % 4 == 0 { 2000 } else { 150 }));
            put(&queue, thread, b"1");
            put(&queue, thread, b"2");
            for _ in 0..2 {
                // Without slices only a wake-up ends their sleep; the limit only ends the test.
                get(&answers, thread, soon(30_000)).expect("a sleeper was not woken");
            }
        }
        for _ in 0..2 {
            put(&queue, thread, b"end");
        }
        for child in children {
            assert_eq!(child.wait(), 0);
        }
    }

    fn two_putters_and_two_gets(thread) {
        set_liveness_slices(false);
        let queue = SharedQueue::new(Some(1)).unwrap();
        let children: Vec<_> = (0..3)
            .map(|_| {
                fork(|| {
                    for _ in 0..500 {
                        put(&queue, thread, b"message");
                    }
                    0
                })
            })
            .collect();
        for round in 0..1500 {
            if round % 10 == 0 {
                std::thread::sleep(Duration::from_micros(300));
            }
            get(&queue, thread, soon(30_000)).expect("a putter was not woken");
        }
        for child in children {
            assert_eq!(child.wait(), 0);
        }
        assert!(queue.is_empty());
    }

    fn many_to_many_keeps_every_producers_order(thread) {
        set_liveness_slices(false);
        let each = 20_000;
        let queue = SharedQueue::new(None).unwrap();
        let bounded = SharedQueue::new(Some(10)).unwrap();
        for (queue, each) in [(&queue, each), (&bounded, each / 10)] {
            let producers: Vec<_> = (0..4)
                .map(|producer| {
                    fork(|| {
                        let mut bytes = Vec::new();
                        for number in 1..=each {
                            compose(producer, number, length_of(number) % 3000, &mut bytes);
                            put(queue, thread, &bytes);
                        }
                        0
                    })
                })
                .collect();
            let sums = SharedQueue::new(None).unwrap();
            let consumers: Vec<_> = (0..4)
                .map(|_| {
                    fork(|| {
                        let mut last = [0; 4];
                        let mut sum = 0_u64;
                        let mut message = Message::default();
                        loop {
                            match queue.get(thread, &mut message, Until::Forever) {
                                Ok(()) => {}
                                Err(QueueError::Closed) => break,
                                Err(error) => panic!("{error}"),
                            }
                            let (producer, number) = read(&message.bytes);
                            assert!(number > last[producer as usize], "out of order");
                            last[producer as usize] = number;
                            sum += number;
                        }
                        put(&sums, thread, &sum.to_ne_bytes());
                        0
                    })
                })
                .collect();
            for child in producers {
                assert_eq!(child.wait(), 0);
            }
            queue.close(false);
            for child in consumers {
                assert_eq!(child.wait(), 0);
            }
            let mut total = 0;
            while let Ok(bytes) = get(&sums, thread, Until::Now) {
                total += u64::from_ne_bytes(bytes.try_into().unwrap());
            }
            assert_eq!(total, 4 * each * (each + 1) / 2, "lost or doubled");
        }
    }

    fn several_queues_can_be_waited_for(thread) {
        set_liveness_slices(false);
        let queues: Vec<_> = (0..3).map(|_| SharedQueue::new(None).unwrap()).collect();
        let list: Vec<_> = queues.iter().collect();
        assert_eq!(SharedQueue::wait_any(&list, thread, soon(20)), Ok(None));
        let putters: Vec<_> = queues
            .iter()
            .map(|queue| {
                fork(|| {
                    for number in 0..300_u64 {
                        put(queue, thread, &number.to_ne_bytes());
                        if number % 50 == 0 {
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    }
                    0
                })
            })
            .collect();
        for _ in 0..900 {
            let index = SharedQueue::wait_any(&list, thread, soon(30_000)).unwrap().unwrap();
            get(&queues[index], thread, Until::Now).unwrap();
        }
        assert_eq!(SharedQueue::wait_any(&list, thread, Until::Now), Ok(None));
        queues[1].close(false);
        assert_eq!(SharedQueue::wait_any(&list, thread, Until::Forever), Ok(Some(1)));
        for child in putters {
            assert_eq!(child.wait(), 0);
        }
    }

    fn lengths_are_exact_under_load(thread) {
        let queue = SharedQueue::new(Some(5)).unwrap();
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                fork(|| {
                    for _ in 0..50_000 {
                        match worker {
                            0 => put(&queue, thread, b"x"),
                            _ => drop(get(&queue, thread, Until::Forever).unwrap()),
                        }
                    }
                    0
                })
            })
            .collect();
        for _ in 0..100_000 {
            assert!(queue.len() <= 5);
        }
        for worker in workers {
            assert_eq!(worker.wait(), 0);
        }
        assert!(queue.is_empty() && !queue.is_full());
    }

    fn threads_and_processes_share_a_queue(thread) {
        let queue = SharedQueue::new(None).unwrap();
        let child = fork(|| {
            for _ in 0..1000 {
                put(&queue, thread, b"c");
            }
            0
        });
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                std::thread::spawn(move || {
                    let me = ThreadHandle::register_current(
                        "putter",
                        super::thread::ThreadKind::Host,
                    );
                    for _ in 0..1000 {
                        put(&queue, &me, b"t");
                    }
                })
            })
            .collect();
        for _ in 0..4000 {
            get(&queue, thread, Until::Forever).unwrap();
        }
        for other in threads {
            thread.detached(|| other.join().unwrap());
        }
        assert_eq!(child.wait(), 0);
        assert!(queue.is_empty());
    }

    fn handles_travel(thread) {
        let queue = SharedQueue::new(None).unwrap();
        let block = SharedBlock::new(8).unwrap();
        queue.put(thread, b"here", &[block.handle().clone()], Until::Forever).unwrap();
        assert_eq!(block.handle().references(), 2);
        let serial = block.handle().serial();
        drop(block);
        let mut message = Message::default();
        queue.get(thread, &mut message, Until::Now).unwrap();
        assert_eq!(message.bytes, b"here");
        let block = SharedBlock::from_handle(message.handles.remove(0)).unwrap();
        assert_eq!(block.handle().serial(), serial);
        assert_eq!(block.handle().references(), 1);
        // A child, made before the object, gets it and gives it back; then it is killed.
        let answers = SharedQueue::new(None).unwrap();
        let child = fork(|| {
            let mut message = Message::default();
            queue.get(thread, &mut message, Until::Forever).unwrap();
            let block = SharedBlock::from_handle(message.handles[0].clone()).unwrap();
            assert!(block.write(0, &[1; 8]));
            put(&answers, thread, b"done");
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        let fresh = SharedBlock::new(8).unwrap();
        queue.put(thread, b"", &[fresh.handle().clone()], Until::Forever).unwrap();
        get(&answers, thread, Until::Forever).unwrap();
        assert_eq!(fresh.handle().references(), 2);
        let mut bytes = [0; 8];
        assert!(fresh.read(0, &mut bytes));
        assert_eq!(bytes, [1; 8]);
        child.kill();
        child.wait();
        assert_eq!(fresh.handle().references(), 1);
        // What a queue holds goes with it, to any depth.
        let real = arena().unwrap().real_bytes();
        let mut outer = SharedQueue::new(None).unwrap();
        for _ in 0..2000 {
            let next = SharedQueue::new(None).unwrap();
            next.put(thread, &[0; 5000], &[outer.handle().clone()], Until::Forever).unwrap();
            outer = next;
        }
        drop(outer);
        assert!(arena().unwrap().real_bytes() <= real + (12 << 20));
        assert_eq!(fresh.handle().references(), 1);
        let many: Vec<Handle> = (0..500).map(|_| fresh.handle().clone()).collect();
        queue.put(thread, b"many", &many, Until::Forever).unwrap();
        queue.get(thread, &mut message, Until::Now).unwrap();
        assert_eq!(message.handles.len(), 500);
        drop(message);
        assert_eq!(fresh.handle().references(), 1);
    }

    fn a_drained_queue_gives_its_memory_back(thread) {
        let queue = SharedQueue::new(None).unwrap();
        let before = arena().unwrap().real_bytes();
        let count = 1_000_000_u64;
        for number in 0..count {
            put(&queue, thread, &number.to_ne_bytes());
        }
        assert!(arena().unwrap().real_bytes() > before + (14 << 20));
        let mut message = Message::default();
        for number in 0..count {
            queue.get(thread, &mut message, Until::Now).unwrap();
            assert_eq!(message.bytes, number.to_ne_bytes());
        }
        let after = arena().unwrap().real_bytes();
        assert!(after < before + (10 << 20), "{} MiB stay", (after - before) >> 20);
    }

    fn a_full_arena_is_an_error_and_passes(thread) {
        arena::set_reservation(16 << 20);
        let queue = SharedQueue::new(None).unwrap();
        for length in [100, 5000, 100_000] {
            let mut bytes = Vec::new();
            let mut count = 0;
            loop {
                compose(1, count, length, &mut bytes);
                match queue.put(thread, &bytes, &[], Until::Forever) {
                    Ok(()) => count += 1,
                    Err(QueueError::Memory(_)) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(count * length as u64 > 3 << 20, "only {count} messages of {length}");
            assert_eq!(queue.len(), count);
            for number in 0..count {
                assert_eq!(read(&get(&queue, thread, Until::Now).unwrap()), (1, number));
            }
            compose(2, 3, length, &mut bytes);
            put(&queue, thread, &bytes);
            assert_eq!(read(&get(&queue, thread, Until::Now).unwrap()), (2, 3));
        }
    }

    fn a_queue_is_found_by_its_number_while_it_lives(_thread) {
        let queue = SharedQueue::new(None).unwrap();
        let (place, serial) = (queue.handle().object(), queue.handle().serial());
        let found = SharedQueue::from_handle(Handle::find(place, serial).unwrap()).unwrap();
        assert_eq!(found, queue);
        for wrong in [0, 1, place + 1, place + 64, u64::MAX, 1 << 30] {
            assert!(Handle::find(wrong, serial).is_none(), "{wrong}");
        }
        assert!(Handle::find(place, serial + 1).is_none());
        drop(found);
        drop(queue);
        assert!(Handle::find(place, serial).is_none());
    }
}
