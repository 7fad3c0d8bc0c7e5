//! The one way out for text.

use super::{STACK, far, milliseconds};
use crate::runtime::blocking::sleep_until;
use crate::runtime::output::{Output, OutputError, WriteMode};
use crate::runtime::pending::Pending;
use crate::runtime::process::{exit_now, spawn_child};
use crate::runtime::testing::{in_fresh_process, register_main};
use crate::runtime::thread::{self, ThreadHandle};
use nix::unistd::{pipe, read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is in the pipe now, without waiting.
fn available(reader: &OwnedFd) -> String {
    let mut count = 0_i32;
    // SAFETY: `count` is a valid place.
    let result = unsafe { libc::ioctl(reader.as_raw_fd(), libc::FIONREAD, &mut count) };
    assert_eq!(result, 0);
    let mut text = vec![0; count as usize];
    if count > 0 {
        let read = read(reader, &mut text).unwrap();
        text.truncate(read);
    }
    String::from_utf8(text).unwrap()
}

fn print(output: &Output, thread: &ThreadHandle, text: &str) {
    output
        .write_whole(thread, text.as_bytes(), WriteMode::Buffered)
        .unwrap();
}

#[test]
fn text_is_kept_while_alone_and_leaves_in_time() {
    let name = "text_is_kept_while_alone_and_leaves_in_time";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        let (reader, writer) = pipe().unwrap();
        // Room for all that is kept back at most, since nobody reads meanwhile.
        // SAFETY: no pointers are involved.
        assert!(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 18) } > 0);
        let output = Output::to_descriptor(writer.as_raw_fd(), true);
        print(&output, &main, "a\n");
        print(&output, &main, "b\n");
        assert_eq!(available(&reader), "");
        output.flush(&main).unwrap();
        assert_eq!(available(&reader), "a\nb\n");
        // Before a wait.
        print(&output, &main, "c\n");
        sleep_until(&main, milliseconds(1)).unwrap();
        assert_eq!(available(&reader), "c\n");
        // On demand, and on the other stream.
        output
            .write_whole(&main, b"d\n", WriteMode::Flushed)
            .unwrap();
        assert_eq!(available(&reader), "d\n");
        print(&output, &main, "e\n");
        let errors = Output::to_descriptor(writer.as_raw_fd(), false);
        print(&errors, &main, "f\n");
        assert_eq!(available(&reader), "e\nf\n");
        // When there is much of it.
        let line = "x".repeat(999) + "\n";
        for _ in 0..60 {
            print(&output, &main, &line);
        }
        assert_eq!(available(&reader), "");
        for _ in 0..6 {
            print(&output, &main, &line);
        }
        assert!(available(&reader).len() >= 60_000);
        output.flush(&main).unwrap();
        available(&reader);
        // Before a fork, and only once.
        print(&output, &main, "g\n");
        let child = spawn_child(&main, |thread| {
            print(&output, thread, "child\n");
            0
        })
        .unwrap();
        // While a child lives, every text goes out at once.
        print(&output, &main, "h\n");
        child.wait(&main, Some(far())).unwrap();
        let mut lines: Vec<_> = available(&reader).lines().map(String::from).collect();
        assert_eq!(lines.remove(0), "g");
        lines.sort();
        assert_eq!(lines, ["child", "h"]);
        print(&output, &main, "i\n");
        assert_eq!(available(&reader), "");
        // Before a thread starts, and at once while it lives.
        let shared = output.clone();
        let other = thread::spawn(&main, "printer", STACK, move |thread| {
            print(&shared, thread, "thread\n");
            while !thread.safepoint().contains(Pending::STOP) {}
        })
        .unwrap();
        while !available(&reader).contains("thread\n") {}
        print(&output, &main, "j\n");
        assert_eq!(available(&reader), "j\n");
        other.interrupt(Pending::STOP);
        other.join(&main, None).unwrap();
        // At the end.
        let child = spawn_child(&main, |thread| {
            print(&output, thread, "k\n");
            exit_now(thread, 0)
        });
        child.unwrap().wait(&main, None).unwrap();
        assert_eq!(available(&reader), "k\n");
    });
}

#[test]
fn lines_of_many_writers_stay_whole() {
    in_fresh_process(module_path!(), "lines_of_many_writers_stay_whole", || {
        let main = register_main();
        check_lines_of_many_writers(&main, |output| output);
        check_lines_of_many_writers(&main, Output::pretend_nowait_is_missing);
    });
}

fn check_lines_of_many_writers(main: &ThreadHandle, prepare: impl Fn(Output) -> Output) {
    let (reader, writer) = pipe().unwrap();
    let output = prepare(Output::to_descriptor(writer.as_raw_fd(), true));
    let done = Arc::new(AtomicBool::new(false));
    let finished = done.clone();
    let collector = thread::spawn(main, "reader", STACK, move |thread| {
        let mut text = String::new();
        loop {
            let more = available(&reader);
            if more.is_empty() {
                if finished.load(Ordering::SeqCst) {
                    break;
                }
                let _ = sleep_until(thread, milliseconds(1));
            }
            text += &more;
        }
        let mut count = 0;
        for line in text.lines() {
            let first = line.as_bytes()[0];
            assert!(line.bytes().all(|byte| byte == first), "torn: {line:.40}");
            count += 1;
        }
        assert_eq!(count, 4 * 200);
    });
    // Texts longer than a pipe takes at once too, between the threads of one process.
    let writers: Vec<_> = (0..4_u8)
        .map(|index| {
            let output = output.clone();
            thread::spawn(main, "writer", STACK, move |thread| {
                for round in 0..200 {
                    let length = if round % 20 == 0 { 30_000 } else { 100 };
                    let text = [b'a' + index].repeat(length);
                    print(&output, thread, &(String::from_utf8(text).unwrap() + "\n"));
                }
            })
            .unwrap()
        })
        .collect();
    for writer in writers {
        assert_eq!(writer.join(main, Some(far())), Ok(true));
    }
    done.store(true, Ordering::SeqCst);
    assert_eq!(collector.unwrap().join(main, Some(far())), Ok(true));
}

#[test]
fn a_full_pipe_can_be_interrupted_and_resumed() {
    let name = "a_full_pipe_can_be_interrupted_and_resumed";
    in_fresh_process(module_path!(), name, || {
        let main = register_main();
        check_interrupted_write(&main, |output| output);
        check_interrupted_write(&main, Output::pretend_nowait_is_missing);
    });
}

fn check_interrupted_write(main: &ThreadHandle, prepare: impl Fn(Output) -> Output) {
    let (reader, writer) = pipe().unwrap();
    let output = prepare(Output::to_descriptor(writer.as_raw_fd(), true));
    let text = (0..200_000_u32)
        .map(|index| b'a' + (index % 23) as u8)
        .collect::<Vec<_>>();
    let target = main.clone();
    let other = thread::spawn(main, "interrupter", STACK, move |thread| {
        while target.waits_for().is_none() {
            let _ = sleep_until(thread, milliseconds(1));
        }
        target.interrupt(Pending::INTERRUPT);
    });
    let mut written = match output.write_whole(main, &text, WriteMode::Flushed) {
        Err(OutputError::Interrupted { pending, written }) => {
            assert_eq!(pending, Pending::INTERRUPT);
            written
        }
        other => panic!("{other:?}"),
    };
    assert!(written > 0 && written < text.len());
    main.safepoint();
    other.unwrap().join(main, None).unwrap();
    let mut read = available(&reader);
    while written < text.len() {
        let piece = &text[written..text.len().min(written + 4096)];
        output.write_whole(main, piece, WriteMode::Flushed).unwrap();
        written += piece.len();
        read += &available(&reader);
    }
    assert!(read.as_bytes() == text);
}

#[test]
fn errors_of_the_system_come_back() {
    in_fresh_process(module_path!(), "errors_of_the_system_come_back", || {
        let main = register_main();
        let error = |result: Result<(), OutputError>| match result {
            Err(OutputError::Os(error)) => error.raw_os_error(),
            other => panic!("{other:?}"),
        };
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let broken = Output::to_descriptor(writer.as_raw_fd(), true);
        let flushed = WriteMode::Flushed;
        assert_eq!(
            error(broken.write_whole(&main, b"x", flushed)),
            Some(libc::EPIPE)
        );
        // Kept back, and lost where nobody could be told: the next call is.
        print(&broken, &main, "y");
        sleep_until(&main, milliseconds(1)).unwrap();
        assert_eq!(error(broken.flush(&main)), Some(libc::EPIPE));
        broken.flush(&main).unwrap();
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let full = Output::to_descriptor(file.as_raw_fd(), false);
        assert_eq!(
            error(full.write_whole(&main, b"x", WriteMode::Buffered)),
            Some(libc::ENOSPC),
        );
    });
}

#[test]
fn a_sink_gets_every_text_whole() {
    in_fresh_process(module_path!(), "a_sink_gets_every_text_whole", || {
        let main = register_main();
        let (output, captured) = Output::to_memory();
        print(&output, &main, "one ");
        print(&output, &main, "two");
        assert_eq!(captured.copy(), b"one two");
        assert_eq!(captured.take(), b"one two");
        assert_eq!(captured.take(), b"");
        assert!(!output.is_terminal());
    });
}
