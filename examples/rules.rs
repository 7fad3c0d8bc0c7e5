//! Rules that a program's users write: each is a small script, compiled once, applied by several
//! threads to many records. A rule that is wrong is reported with its place and does no harm.
//!
//! Run it by `cargo run --example rules`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use conc::{Engine, Error, Program};

/// In a real program these come from files or a database.
const RULES: &[(&str, &str)] = &[
    (
        "large order",
        "if order['total'] > 1000: flag('needs approval')",
    ),
    (
        "foreign",
        "if order['country'] not in ('NL', 'BE'):\n    flag(f\"ships to {order['country']}\")",
    ),
    ("typo", "if ordr['total'] < 0: flag('negative')"),
    ("unfinished", "if order['total'] > 10\n    flag('x')"),
];

fn orders() -> Vec<HashMap<&'static str, String>> {
    let order = |country: &str, total: i64| {
        HashMap::from([
            ("country", country.to_owned()),
            ("total", total.to_string()),
        ])
    };
    vec![order("NL", 20), order("BE", 1500), order("JP", 4000)]
}

fn main() -> Result<(), Error> {
    let flagged = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = flagged.clone();
    let engine = Engine::builder()
        .register_fn("flag", move |why: &str| {
            counter.fetch_add(1, Ordering::Relaxed);
            println!("flagged: {why}");
        })
        .build();

    // Rules that cannot be compiled are found before any order is looked at.
    let mut rules: Vec<Program> = Vec::new();
    for (name, text) in RULES {
        match engine.compile(name, text) {
            Ok(rule) => rules.push(rule),
            Err(error) => println!("rule `{name}`, line {}: {error}", error.line().unwrap_or(0)),
        }
    }

    let orders = orders();
    let reports: Vec<String> = thread::scope(|scope| {
        let engine = &engine;
        let rules = &rules;
        let threads: Vec<_> = orders
            .into_iter()
            .map(|order| scope.spawn(move || apply(engine, rules, order)))
            .collect();
        let reports = threads.into_iter().map(|thread| thread.join());
        reports.flatten().flatten().collect()
    });
    for report in reports {
        println!("{report}");
    }
    println!("{} flags", flagged.load(Ordering::Relaxed));
    Ok(())
}

/// Applies all rules to one order, in a session of its own; what went wrong.
fn apply(engine: &Engine, rules: &[Program], order: HashMap<&str, String>) -> Vec<String> {
    let session = engine.session();
    let prepared = session.set("order", order).and_then(|()| {
        // Scripts see numbers where there are numbers.
        session.run_text("order['total'] = int(order['total'])")
    });
    if let Err(error) = prepared {
        return vec![error.to_string()];
    }
    let failed = |rule: &Program| {
        let error = session.run(rule).err()?;
        Some(format!("rule `{}`: {error}", rule.name()))
    };
    rules.iter().filter_map(failed).collect()
}
