//! Writes random programs to a directory, to look at them or to run them elsewhere:
//!
//!     rustc --edition 2024 -O -o /tmp/random_programs tests/random_programs/print.rs
//!     /tmp/random_programs FIRST COUNT DIRECTORY

mod generator;

use std::{env, fs, process};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let numbers: Vec<u64> = arguments
        .iter()
        .skip(1)
        .take(2)
        .filter_map(|text| text.parse().ok())
        .collect();
    let (&[first, count], Some(directory)) = (numbers.as_slice(), arguments.get(3)) else {
        eprintln!("usage: random_programs FIRST COUNT DIRECTORY");
        process::exit(2);
    };
    for seed in first..first + count {
        let text = generator::program(seed);
        assert_eq!(
            text,
            generator::program(seed),
            "the same seed gives the same program"
        );
        fs::write(format!("{directory}/{seed}.conc"), text).expect("the program can be written");
    }
}
