//! The library as a host program uses it: conversions, functions both ways, errors, several
//! threads and several sessions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use conc::{Engine, Error, ErrorKind, Program, Session, Value};

fn session() -> Session {
    Engine::builder().capture_output().build().session()
}

#[test]
fn what_may_travel_between_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Engine>();
    check::<Program>();
    check::<Session>();
    check::<Value>();
    check::<Error>();
}

#[test]
fn values_go_in_and_come_out() -> Result<(), Error> {
    let session = session();
    session.set("x", (1, -2.5, true, "text", 'c', ()))?;
    assert_eq!(
        session.eval::<String>("repr(x)")?,
        "(1, -2.5, True, 'text', 'c', None)"
    );
    let back: (u8, f64, bool, String, char, Option<i32>) = session.get("x")?;
    assert_eq!(back, (1, -2.5, true, "text".to_owned(), 'c', None));
    session.set("big", u64::MAX)?;
    assert_eq!(session.get::<u64>("big")?, u64::MAX);
    assert_eq!(session.eval::<i128>("-2 ** 100")?, -(1 << 100));
    session.set(
        "scores",
        BTreeMap::from([("Ada", vec![1, 2]), ("Grace", vec![])]),
    )?;
    let scores: HashMap<String, Vec<i64>> = session.get("scores")?;
    assert_eq!(scores["Ada"], [1, 2]);
    let set: HashSet<i64> = session.eval("{1, 2, 2}")?;
    assert_eq!(set.len(), 2);
    let generated: Vec<i64> = session.eval("(n for n in range(3))")?;
    assert_eq!(generated, [0, 1, 2]);
    assert_eq!(session.eval::<f64>("3")?, 3.0);
    assert_eq!(session.eval::<Option<i64>>("None")?, None);
    session.eval::<()>("'anything'")?;
    Ok(())
}

#[test]
fn what_does_not_fit_is_an_error() {
    let session = session();
    let text = |error: Error| error.to_string();
    for (found, wanted) in [
        (
            session.eval::<i64>("'3'").map(drop).map_err(text),
            "TypeError: expected int, found str",
        ),
        (
            session.eval::<u8>("256").map(drop).map_err(text),
            "OverflowError: int too large to convert to u8",
        ),
        (
            session.eval::<bool>("1").map(drop).map_err(text),
            "TypeError: expected bool, found int",
        ),
        (
            session.eval::<Vec<i64>>("'text'").map(drop).map_err(text),
            "TypeError: expected list, found str",
        ),
        (
            session.eval::<(i64, i64)>("(1,)").map(drop).map_err(text),
            "TypeError: expected a tuple of 2, found one of 1",
        ),
        (
            session.get::<i64>("nowhere").map(drop).map_err(text),
            "NameError: name 'nowhere' is not defined",
        ),
        (
            session.eval::<f32>("10 ** 400").map(drop).map_err(text),
            "OverflowError: int too large to convert to float",
        ),
        (
            session
                .set("x", HashMap::from([(vec![1], 2)]))
                .map_err(text),
            "TypeError: unhashable type: 'list'",
        ),
    ] {
        assert_eq!(found, Err(wanted.to_owned()));
    }
}

#[test]
fn functions_of_the_host() -> Result<(), Error> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let engine = Engine::builder()
        .register_fn("nothing", move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .register_fn("one", |n: i64| n + 1)
        .register_fn("text", |text: &str, n: usize| text.repeat(n))
        .register_fn(
            "six",
            |a: i64, b: i64, c: i64, d: f64, e: Vec<i64>, f: Option<String>| {
                drop(f);
                a + b + c + d as i64 + e.len() as i64
            },
        )
        .register_fn(
            "failing",
            |n: i64| if n > 0 { Ok(n) } else { Err("not positive") },
        )
        .register_fn("panicking", |_: i64| -> i64 { panic!("on purpose") })
        .register_fn("same", |value: Value| value)
        .build();
    let session = engine.session();
    session.run_text("nothing(); nothing()")?;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(session.eval::<i64>("one(41)")?, 42);
    assert_eq!(session.eval::<String>("text('ab', 2)")?, "abab");
    assert_eq!(session.eval::<i64>("failing(3)")?, 3);
    assert!(session.eval::<bool>("x = [1]\nsame(x) is x")?);
    for (call, wanted) in [
        (
            "one()",
            "TypeError: one() takes exactly 1 argument (0 given)",
        ),
        ("one('1')", "TypeError: argument 1: expected int, found str"),
        ("one(n=1)", "TypeError: one() takes no keyword arguments"),
        (
            "text('a', -1)",
            "OverflowError: int too large to convert to usize",
        ),
        ("failing(0)", "RuntimeError: not positive"),
        (
            "panicking(0)",
            "RuntimeError: a function of the host panicked: on purpose",
        ),
    ] {
        assert_eq!(session.eval::<()>(call).unwrap_err().to_string(), wanted);
    }
    // Scripts catch these as they catch all others.
    session.run_text("try: failing(0)\nexcept RuntimeError as error: caught = str(error)")?;
    assert_eq!(session.get::<String>("caught")?, "not positive");
    Ok(())
}

#[test]
fn calls_to_and_fro() -> Result<(), Error> {
    let (sender, receiver) = mpsc::channel::<Session>();
    let sessions = std::sync::Mutex::new(receiver);
    let engine = Engine::builder()
        .recursion_limit(200)
        .register_fn("back", move |function: Value, n: i64| {
            function.call::<i64>((n,))
        })
        .register_fn("run_here", move |text: &str| {
            let session = sessions.lock().unwrap().recv().unwrap();
            session.eval::<i64>(text)
        })
        .build();
    let session = engine.session();
    session.run_text("def down(n): return 0 if n == 0 else 1 + back(down, n - 1)")?;
    assert_eq!(session.call::<i64>("down", (40,))?, 40);
    // The chain of calls is one chain, and ends as one.
    let error = session.call::<i64>("down", (100_000,)).unwrap_err();
    assert!(error.is("RecursionError"), "{error}");
    assert_eq!(session.call::<i64>("down", (3,))?, 3);
    // An exception passes through the host as it is.
    session.run_text("class Own(Exception): pass\ndef fails(n): raise Own(n)")?;
    session.run_text("try: back(fails, 7)\nexcept Own as error: got = error.args[0]")?;
    assert_eq!(session.get::<i64>("got")?, 7);
    sender.send(session.clone()).unwrap();
    assert_eq!(session.eval::<i64>("run_here('down(2) + 1')")?, 3);
    // From within a generator, which has a native stack of its own.
    session.run_text("def items():\n    for n in range(3): yield back(down, n)")?;
    assert_eq!(session.eval::<Vec<i64>>("list(items())")?, [0, 1, 2]);
    Ok(())
}

#[test]
fn errors_say_what_and_where() {
    let session = session();
    let error = session.run_text("x = 1\nif x\n    pass").unwrap_err();
    assert!(error.is_syntax());
    assert_eq!((error.kind(), error.line()), (ErrorKind::Syntax, Some(2)));
    assert_eq!(error.to_string(), "SyntaxError: expected ':'");
    assert!(error.exception().is_none());

    let error = session
        .run_text("def f(n):\n    return 1 / n\nf(0)")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exception);
    assert_eq!(error.line(), Some(2));
    assert!(error.is("ArithmeticError"));
    assert_eq!(
        error.traceback(),
        "Traceback (most recent call last):\n  \
           File \"<text>\", line 3, in <module>\n    \
             f(0)\n    \
             ~^^^\n  \
           File \"<text>\", line 2, in f\n    \
             return 1 / n\n           \
                    ~~^~~\n\
         ZeroDivisionError: division by zero\n"
    );
    let exception = error.exception().unwrap();
    assert_eq!(exception.type_name(), "ZeroDivisionError");

    let error = session.run_text("import sys; sys.exit(3)").unwrap_err();
    assert_eq!(
        (error.kind(), error.exit_status()),
        (ErrorKind::Exit, Some(3))
    );
    let error = session.run_text("import missing_module").unwrap_err();
    assert!(error.is("ImportError"));
}

#[test]
fn errors_are_diagnostics() {
    use miette::Diagnostic;
    let session = session();
    let error = session.run_text("函数 = 1\nprint(函敉)").unwrap_err();
    let labels: Vec<_> = error.labels().unwrap().collect();
    let source = error.source_code().unwrap();
    let read = source.read_span(labels[0].inner(), 0, 0).unwrap();
    assert_eq!((read.line(), read.column()), (1, 6));
}

#[test]
fn a_program_runs_in_many_sessions_at_once() -> Result<(), Error> {
    let engine = Engine::new();
    let program = engine.compile(
        "fib",
        "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nresult = fib(size)",
    )?;
    thread::scope(|scope| {
        for size in 10..16 {
            let (engine, program) = (&engine, &program);
            scope.spawn(move || {
                for _ in 0..5 {
                    let session = engine.session();
                    session.set("size", size).unwrap();
                    session.run(program).unwrap();
                    let wanted = (0..size).fold((0, 1), |(a, b), _| (b, a + b)).0;
                    assert_eq!(session.get::<i64>("result").unwrap(), wanted);
                }
            });
        }
    });
    Ok(())
}

#[test]
fn one_session_on_many_threads() -> Result<(), Error> {
    let session = session();
    session.run_text("items = []\ndef add(n):\n    for i in range(200): items.append(n)")?;
    let begin = Barrier::new(4);
    thread::scope(|scope| {
        for n in 0..4 {
            let (session, begin) = (&session, &begin);
            scope.spawn(move || {
                begin.wait();
                session.call::<()>("add", (n,)).unwrap();
            });
        }
    });
    assert_eq!(session.eval::<usize>("len(items)")?, 800);
    Ok(())
}

#[test]
fn a_host_drops_programs_wherever_it_is() -> Result<(), Error> {
    let engine = Engine::new();
    let text = "'a text'\nb'some bytes'\n('a', 1)\ndef f():\n    'What it does.'\n";
    let dropped = || drop(engine.compile("dropped", text).unwrap());
    dropped();
    let sessions = [engine.session(), engine.session()];
    let begin = Barrier::new(2);
    thread::scope(|scope| {
        for session in &sessions {
            let (begin, dropped) = (&begin, &dropped);
            scope.spawn(move || {
                // From here on values are shared, and this thread is in no session in between.
                begin.wait();
                for _ in 0..50 {
                    assert_eq!(session.eval::<String>("'x'").unwrap(), "x");
                    dropped();
                }
            });
        }
    });
    dropped();
    Ok(())
}

#[test]
fn handles_outlive_what_they_came_from() -> Result<(), Error> {
    let function: Value = {
        let session = session();
        session.run_text("total = 10\ndef add(n): return total + n")?;
        session.get("add")?
    };
    // On another thread, where the session was never entered.
    let result = thread::spawn(move || {
        let copy = function.clone();
        drop(function);
        copy.call::<i64>((5,))
    });
    assert_eq!(result.join().unwrap()?, 15);
    let (one, other) = (session(), session());
    let list: Value = one.eval("[1]")?;
    let error = other.set("list", list.clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "TypeError: the value belongs to another session"
    );
    one.set("mine", list)?;
    assert_eq!(one.eval::<usize>("len(mine)")?, 1);
    Ok(())
}

#[test]
fn streams_of_the_host() -> Result<(), Error> {
    let session = session();
    session.run_text("import sys\nprint('out')\nprint('err', file=sys.stderr)")?;
    assert_eq!(session.output(), "out\n");
    assert_eq!(session.error_output(), "err\n");
    assert_eq!(session.output(), "");
    Ok(())
}

#[test]
fn settings_of_the_engine() -> Result<(), Error> {
    let folder = std::env::temp_dir().join(format!("conc-embedding-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("helper.conc"),
        "def twice(n): return host(n) * 2",
    )
    .unwrap();
    let engine = Engine::builder()
        .search_path([&folder])
        .arguments(["name", "first"])
        .register_fn("host", |n: i64| n + 1)
        .plain()
        .build();
    let session = engine.session();
    assert_eq!(session.eval::<i64>("import helper\nhelper.twice(1)")?, 4);
    assert_eq!(
        session.eval::<Vec<String>>("import sys\nsys.argv")?,
        ["name", "first"]
    );
    std::fs::remove_dir_all(&folder).unwrap();
    Ok(())
}

#[test]
fn a_process_with_other_threads_is_not_forked() {
    // The threads of the test runner are such threads.
    let (sender, receiver) = mpsc::channel::<()>();
    let other = thread::spawn(move || receiver.recv().is_ok());
    let error = session().run_text("fork()").unwrap_err();
    assert!(error.message().contains("foreign threads"), "{error}");
    drop(sender);
    other.join().unwrap();
}
