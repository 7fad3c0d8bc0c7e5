//! Figures for shared memory between processes: `cargo bench --bench shared_memory`.
//!
//! Prints the best and the median of five runs each. The marks: 2 million integers a second through
//! a queue between two processes, 0.8 million messages of 1 KiB, 1 million with two on each side,
//! and 20 ns for a lock that nobody else wants.

use conc::runtime::process::spawn_child;
use conc::runtime::shared_lock::{LockStyle, OnOwnerDeath, SharedLock};
use conc::runtime::shared_queue::{Message, SharedQueue};
use conc::runtime::shared_wait::Until;
use conc::runtime::slot;
use conc::runtime::thread::{ThreadHandle, ThreadKind};
use std::time::Instant;

fn fork(body: impl FnOnce()) -> (i32, slot::SlotId) {
    let claim = slot::claim_for_child("bench").expect("a slot");
    // SAFETY: this process has one thread; the child only runs `body`.
    match unsafe { libc::fork() } {
        0 => {
            claim.occupy().expect("a slot");
            body();
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) }
        }
        pid => (pid, claim.forked(pid)),
    }
}

fn wait(children: Vec<(i32, slot::SlotId)>) {
    for (pid, id) in children {
        let mut status = 0;
        // SAFETY: our own child.
        unsafe { libc::waitpid(pid, &mut status, 0) };
        assert_eq!(status, 0);
        slot::reaped(id);
    }
}

fn report(name: &str, unit: &str, run: impl Fn() -> f64) {
    // As with other benches: a word given on the command line picks.
    let wanted = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with('-'));
    if wanted.is_some_and(|word| !name.contains(&word)) {
        return;
    }
    let mut figures: Vec<f64> = (0..5).map(|_| run()).collect();
    figures.sort_by(f64::total_cmp);
    let best = if unit.starts_with("ns") || unit.starts_with("us") {
        figures[0]
    } else {
        figures[4]
    };
    println!(
        "{name:38} best {best:8.2}  median {:8.2} {unit}",
        figures[2]
    );
}

fn stream(
    thread: &ThreadHandle,
    producers: u64,
    consumers: u64,
    size: usize,
    most: Option<u64>,
) -> f64 {
    let queue = SharedQueue::new(most).expect("a queue");
    let each = if size > 100_000 { 2_000 } else { 1_000_000 } / producers;
    let start = Instant::now();
    let mut children = Vec::new();
    for _ in 0..consumers {
        children.push(fork(|| {
            let mut message = Message::default();
            for _ in 0..each * producers / consumers {
                queue
                    .get(thread, &mut message, Until::Forever)
                    .expect("a message");
                assert_eq!(message.bytes.len(), size);
            }
        }));
    }
    for _ in 0..producers {
        children.push(fork(|| {
            let bytes = vec![7; size];
            for _ in 0..each {
                queue
                    .put(thread, &bytes, &[], Until::Forever)
                    .expect("room");
            }
        }));
    }
    wait(children);
    (each * producers) as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn ping_pong(thread: &ThreadHandle) -> f64 {
    let (there, back) = (
        SharedQueue::new(None).expect("a queue"),
        SharedQueue::new(None).expect("a queue"),
    );
    let rounds = 100_000;
    let mut message = Message::default();
    let child = fork(|| {
        let mut message = Message::default();
        for _ in 0..rounds {
            there
                .get(thread, &mut message, Until::Forever)
                .expect("a message");
            back.put(thread, &message.bytes, &[], Until::Forever)
                .expect("room");
        }
    });
    let start = Instant::now();
    for _ in 0..rounds {
        there.put(thread, b"x", &[], Until::Forever).expect("room");
        back.get(thread, &mut message, Until::Forever)
            .expect("a message");
    }
    let figure = start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    wait(vec![child]);
    figure
}

fn alone(thread: &ThreadHandle, size: usize) -> f64 {
    let queue = SharedQueue::new(None).expect("a queue");
    let mut message = Message::default();
    let bytes = vec![7; size];
    let rounds = 1_000_000;
    let start = Instant::now();
    for _ in 0..rounds {
        queue.put(thread, &bytes, &[], Until::Now).expect("room");
        queue
            .get(thread, &mut message, Until::Now)
            .expect("a message");
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
}

fn lock_alone(thread: &ThreadHandle, style: LockStyle) -> f64 {
    let lock = SharedLock::new(style, OnOwnerDeath::Error).expect("a lock");
    let rounds = 5_000_000;
    let start = Instant::now();
    for _ in 0..rounds {
        lock.acquire(thread, Until::Forever, 0).expect("the lock");
        lock.release(thread).expect("its release");
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
}

fn lock_contended(thread: &ThreadHandle) -> f64 {
    let lock = SharedLock::new(LockStyle::Plain, OnOwnerDeath::Error).expect("a lock");
    let rounds = 500_000;
    let start = Instant::now();
    let children = (0..2)
        .map(|_| {
            fork(|| {
                for _ in 0..rounds {
                    lock.acquire(thread, Until::Forever, 0).expect("the lock");
                    lock.release(thread).expect("its release");
                }
            })
        })
        .collect();
    wait(children);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(2 * rounds)
}

fn fork_and_wait(thread: &ThreadHandle) -> f64 {
    let rounds = 500;
    let start = Instant::now();
    for _ in 0..rounds {
        let child = spawn_child(thread, |_| 0).expect("a child");
        child.wait(thread, None).expect("its end");
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
}

fn main() {
    let registration = ThreadHandle::register_current("main", ThreadKind::Main);
    let thread: &ThreadHandle = &registration;
    let million = "million/s";
    report("queue, put and get in one process, 8 B", "ns", || {
        alone(thread, 8)
    });
    report("queue, put and get in one process, 1 KiB", "ns", || {
        alone(thread, 1024)
    });
    report("queue, 1 to 1, 8 B", million, || {
        stream(thread, 1, 1, 8, None)
    });
    report("queue, 1 to 1, 1 KiB", million, || {
        stream(thread, 1, 1, 1024, None)
    });
    report("queue, 1 to 1, 1 MiB", "GB/s", || {
        1049.0 * { stream(thread, 1, 1, 1 << 20, Some(16)) }
    });
    report("queue, 1 to 1, 8 B, bound 100", million, || {
        stream(thread, 1, 1, 8, Some(100))
    });
    report("queue, 2 to 2, 8 B", million, || {
        stream(thread, 2, 2, 8, None)
    });
    report("queue, 2 to 2, 1 KiB", million, || {
        stream(thread, 2, 2, 1024, None)
    });
    report("queue, 4 to 4, 8 B", million, || {
        stream(thread, 4, 4, 8, None)
    });
    report("queue, there and back", "us", || ping_pong(thread));
    report("lock, alone", "ns", || lock_alone(thread, LockStyle::Plain));
    report("re-entrant lock, alone", "ns", || {
        lock_alone(thread, LockStyle::Reentrant)
    });
    report("fork, end and wait", "us", || fork_and_wait(thread));
    report("lock, two processes", "ns", || lock_contended(thread));
}
