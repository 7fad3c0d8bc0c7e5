//! Tests of the queue between processes whose users are killed: at any instruction, and at random.

use super::arena::{self, arena};
use super::shared_block::SharedBlock;
use super::shared_queue::{Message, SharedQueue};
use super::shared_queue_tests::{compose, get, length_of, put, read};
use super::shared_steps::testing::{die_at, live_on};
use super::shared_sweep::sweep_dead;
use super::shared_testing::{Child, fork, killed_at, seconds, tests_alone};
use super::shared_wait::Until;
use super::slot;
use super::thread::ThreadHandle;
use std::time::{Duration, Instant};

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

tests_alone! {
    fn no_step_of_putting_or_getting_is_a_bad_one(thread) {
        arena::set_reservation(64 << 20);
        let queue = SharedQueue::new(None).unwrap();
        let block = SharedBlock::new(1).unwrap();
        // A message of each kind: in the ring, in an extent, with a reference, into the next ring.
        let lengths = [10, 100_000, 20, 3000, 3000, 6000, 30];
        let fill = |from: usize| {
            let mut bytes = Vec::new();
            for (number, &length) in lengths.iter().enumerate().skip(from) {
                compose(9, number as u64, length, &mut bytes);
                let handles = [block.handle().clone()];
                let handles = if number == 2 { &handles[..] } else { &[] };
                queue.put(thread, &bytes, handles, Until::Forever).unwrap();
            }
        };
        let empty = || {
            let mut numbers = Vec::new();
            while let Ok(bytes) = get(&queue, thread, Until::Now) {
                numbers.push(read(&bytes).1);
            }
            numbers
        };
        for round in 0..2 {
            let mut step = 1;
            loop {
                // The ring is given up each time, so that every way to a new one is taken.
                if round == 1 {
                    fill(0);
                }
                let ended = killed_at(step, || {
                    match round {
                        0 => fill(0),
                        _ => drop(empty()),
                    }
                }) == 0;
                let length = queue.len();
                assert_eq!(length == 0, queue.is_empty());
                let left = empty();
                // What was put before the death is there, in order; what was taken before is not.
                let expected: Vec<u64> = match round {
                    0 => (0..left.len() as u64).collect(),
                    _ => (7 - left.len() as u64..7).collect(),
                };
                assert_eq!(left, expected, "step {step}");
                assert!(!ended || left.len() == [7, 0][round]);
                assert_eq!(block.handle().references(), 1, "step {step}");
                if ended {
                    break;
                }
                step += 1;
            }
            assert!(step > 60, "{step}");
        }
        let real = arena().unwrap().real_bytes();
        assert!(real < 16 << 20, "{real} bytes are left of a few small messages");
    }

    fn the_note_of_a_dead_taker_says_which_message_it_had(thread) {
        arena::set_reservation(64 << 20);
        let queue = SharedQueue::new(None).unwrap();
        let notes = SharedBlock::new(8).unwrap();
        let note = notes.word(0).unwrap();
        assert!(notes.word(1).is_none() && notes.word(8).is_none());
        let mut number = 0;
        let mut step = 1;
        loop {
            number += 1;
            // Every second one is in an extent of its own.
            let length = [10, 100_000][number as usize % 2];
            put(&queue, thread, &vec![number as u8; length]);
            let child = fork(|| {
                let mut message = Message::default();
                die_at(step);
                queue.get_and_note(thread, &mut message, Until::Now, Some(note)).unwrap();
                live_on();
                0
            });
            let ended = child.wait() == 0;
            let noted = note.load(std::sync::atomic::Ordering::Acquire);
            // Taken or not: what it noted and what the queue counts agree about that.
            let taken = queue.taken();
            assert!(taken == number || taken == number - 1);
            assert!(taken < number || noted == number, "step {step}");
            assert_eq!(queue.len(), number - taken);
            if taken < number {
                let mut message = Message::default();
                queue.get_and_note(thread, &mut message, Until::Now, Some(note)).unwrap();
                assert_eq!(message.bytes, vec![number as u8; length]);
                assert_eq!(note.load(std::sync::atomic::Ordering::Acquire), number);
            }
            if ended && number % 2 == 0 {
                break;
            }
            step += 1;
        }
        assert!(step > 5, "{step}");
    }

    fn no_step_of_dropping_a_queue_is_a_bad_one(thread) {
        arena::set_reservation(64 << 20);
        let block = SharedBlock::new(1).unwrap();
        let mut step = 1;
        loop {
            let child = fork(|| {
                let queue = SharedQueue::new(None).unwrap();
                for _ in 0..3 {
                    put(&queue, thread, &[1; 3000]);
                    put(&queue, thread, &[1; 200_000]);
                    queue.put(thread, &[1; 99], &[block.handle().clone()], Until::Now).unwrap();
                }
                die_at(step);
                drop(queue);
                live_on();
                0
            });
            let ended = child.wait() == 0;
            assert_eq!(block.handle().references(), 1, "step {step}");
            if ended {
                break;
            }
            step += 1;
        }
        assert!(step > 200);
        let queue = SharedQueue::new(None).unwrap();
        // Nothing leaked: all of it can still be had at once.
        for _ in 0..8 {
            put(&queue, thread, &vec![1; 4 << 20]);
        }
    }

    fn random_kills_lose_nothing(thread) {
        let end = Instant::now() + Duration::from_secs(seconds(4));
        let mut round = 0;
        while round < 2 || Instant::now() < end {
            torture(thread, [None, Some(50)][round % 2]);
            sweep_dead();
            round += 1;
        }
        let real = arena().unwrap().real_bytes();
        assert!(real < 24 << 20, "{real} bytes are left");
    }
}

/// Numbers that a producer may use in one round.
const MOST: usize = 1 << 20;

/// For about two seconds, four producers and four consumers are killed at random and replaced.
/// Producers note a number after they put it, consumers after they took it, so every message is
/// accounted for but the one that a killed consumer may have had in its hands.
fn torture(thread: &ThreadHandle, most: Option<u64>) {
    let queue = SharedQueue::new(most).unwrap();
    let put_words = SharedBlock::new(8 * 4).unwrap();
    let got_words = SharedBlock::new(8 * 16).unwrap();
    let taken = SharedBlock::new(4 * MOST).unwrap();
    let word = |block: &SharedBlock, index: usize| {
        let mut bytes = [0; 8];
        assert!(block.read(8 * index, &mut bytes));
        u64::from_ne_bytes(bytes)
    };
    let set = |block: &SharedBlock, index: usize, value: u64| {
        assert!(block.write(8 * index, &value.to_ne_bytes()));
    };
    let is_taken = |producer: usize, number: u64| {
        let mut byte = [0];
        assert!(taken.read(producer * MOST + number as usize, &mut byte));
        byte[0] != 0
    };
    let producer = |index: usize| {
        fork(|| {
            let mut bytes = Vec::new();
            let mut number = word(&put_words, index);
            while (number as usize) < MOST - 1000 {
                number += 1;
                compose(index as u64, number, length_of(number), &mut bytes);
                put(&queue, thread, &bytes);
                set(&put_words, index, number);
            }
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        })
    };
    let consumer = |index: usize| {
        fork(|| {
            let mut message = Message::default();
            loop {
                queue.get(thread, &mut message, Until::Forever).unwrap();
                let (producer, number) = read(&message.bytes);
                let place = 4 * index + producer as usize;
                assert!(number > word(&got_words, place), "out of order");
                assert!(!is_taken(producer as usize, number), "doubled");
                assert!(taken.write(producer as usize * MOST + number as usize, &[1]));
                set(&got_words, place, number);
            }
        })
    };
    let mut random = Random(0x1234_5678_9abc_def1 ^ u64::from(std::process::id()));
    let mut children: Vec<Child> = (0..4).map(&producer).chain((0..4).map(&consumer)).collect();
    let end = Instant::now() + Duration::from_secs(2);
    let (mut kills, mut consumer_kills, mut uncertain) = (0, 0, Vec::new());
    let total = || (0..4).map(|index| word(&put_words, index)).sum::<u64>();
    // At least so many messages, however slow the machine.
    while Instant::now() < end || total() < 2000 {
        std::thread::sleep(Duration::from_micros(200 + random.below(1000)));
        let index = random.below(8) as usize;
        children[index].kill();
        let code = children[index].wait_silently();
        assert_eq!(code, -libc::SIGKILL, "process {index} found a fault");
        // Sometimes left to whoever looks next; one that had not yet taken its slot only we know
        // of.
        if random.below(2) == 0 || slot::is_alive(children[index].id) {
            slot::reaped(children[index].id);
        }
        kills += 1;
        children[index] = match index {
            0..4 => {
                // Whether the one after the last noted is in, nobody can say: it is not used again.
                let next = word(&put_words, index) + 1;
                set(&put_words, index, next);
                uncertain.push((index, next));
                producer(index)
            }
            _ => {
                consumer_kills += 1;
                consumer(index - 4)
            }
        };
    }
    let end_all = |children: &[Child]| {
        for child in children {
            child.kill();
            let code = child.wait_silently();
            assert_eq!(code, -libc::SIGKILL, "a process found a fault");
            slot::reaped(child.id);
        }
    };
    end_all(&children[..4]);
    // The consumers take the rest: no stall.
    let limit = Instant::now() + Duration::from_secs(120);
    while !queue.is_empty() {
        assert!(Instant::now() < limit, "{} messages are left", queue.len());
        std::thread::sleep(Duration::from_millis(1));
    }
    end_all(&children[4..]);
    consumer_kills += 4;
    sweep_dead();
    let missing = (0..4)
        .flat_map(|producer| (1..=word(&put_words, producer)).map(move |number| (producer, number)))
        .filter(|&(producer, number)| !is_taken(producer, number))
        .filter(|message| !uncertain.contains(message))
        .count();
    println!(
        "{kills} kills, {} messages, {missing} of at most {consumer_kills} missing",
        total()
    );
    assert!(missing <= consumer_kills, "{missing} messages lost");
    assert_eq!(queue.handle().references(), 1);
}
