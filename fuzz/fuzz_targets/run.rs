//! Programs run in a session without files, processes and threads, for a bounded number of steps, in both modes.
//!
//! The bytes before the first 0xFF are the program's text; if there are less than four, a program is generated, with the
//! bytes as its seed. What follows the 0xFF changes it token by token, four bytes a change, so that what comes out is
//! more often a program than what changes of bytes give.
#![no_main]

#[path = "../../tests/random_programs/generator.rs"]
mod generator;
#[path = "../mutation.rs"]
mod mutation;

use conc::engine::trial;

const STEPS: u32 = 20_000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&byte| byte == 0xff);
    let (text, changes) = bytes.split_at(end.unwrap_or(bytes.len()));
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let text = if text.len() < 4 {
        let seed = changes.iter().take(5).fold(0, |seed, &byte| seed << 8 | u64::from(byte));
        generator::program(seed)
    } else {
        text.to_owned()
    };
    let text = mutation::mutate(&text, changes.get(1..).unwrap_or_default());
    for optimise in [false, true] {
        trial::run(&text, STEPS, optimise);
    }
});
