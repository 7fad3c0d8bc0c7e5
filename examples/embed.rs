//! Scripts in a program of your own: functions of the program that scripts call, functions of
//! scripts that the program calls, and what happens when a script is wrong.
//!
//! Run it by `cargo run --example embed`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use conc::{Engine, Error, Value};

const SCRIPT: &str = r#"
import time

def describe(name, readings):
    """Called by the program."""
    average = sum(readings) / len(readings)
    log(f"{name}: {len(readings)} readings, {average:.1f} on average")
    return {"name": name, "highest": max(readings), "lowest": min(readings)}

def counter():
    count = 0
    def more(amount):
        nonlocal count
        count += amount
        return count
    return more
"#;

fn main() -> Result<(), Error> {
    // What the program offers to its scripts: any closure will do.
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let engine = Engine::builder()
        .register_fn("log", move |line: &str| {
            if let Ok(mut lines) = log.lock() {
                lines.push(line.to_owned());
            }
        })
        .build();

    // Compiled once, run in as many sessions as you like.
    let program = engine.compile("readings.conc", SCRIPT)?;
    let session = engine.session();
    session.run(&program)?;

    // Values go in and come out as ordinary types of Rust.
    let readings = vec![18.5, 21.0, 19.5];
    let name = "kitchen";
    let summary: Value = session.call("describe", (name, readings))?;
    let lowest: f64 = summary.call_method("get", ("lowest",))?;
    println!("{} with lowest {lowest}", summary.type_name());

    // A function of the script, kept by the program and called later.
    let more: Value = session.call("counter", ())?;
    more.call::<i64>((5,))?;
    println!("counted {}", more.call::<i64>((7,))?);

    // Several threads in one session run in parallel.
    thread::scope(|scope| {
        for room in ["hall", "attic"] {
            let session = session.clone();
            scope.spawn(move || session.call::<()>("describe", (room, vec![1.0, 2.0])));
        }
    });
    let mut logged = lines.lock().map(|lines| lines.clone()).unwrap_or_default();
    logged.sort();
    for line in logged {
        println!("log: {line}");
    }

    // Errors say what is wrong and where; with miette's fancy handler they draw it.
    let scores = BTreeMap::from([("Ada", 3), ("Grace", 4)]);
    session.set("scores", scores)?;
    if let Err(error) = session.eval::<i64>("sum(scores.valuse())") {
        println!("{error}");
        print!("{}", error.traceback());
    }
    Ok(())
}
