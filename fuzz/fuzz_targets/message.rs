//! Any bytes as a message: decoding must end in a value or in an error, and never take more memory than the bytes
//! account for. What was decoded is encoded and decoded again. Bytes that begin with 0xFF change real messages of all
//! kinds of objects piece by piece instead, which gets further into what a decoder does than changes of bytes do.
#![no_main]

use conc::engine::trial;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0xff, changes)) => trial::changed_message(changes),
        _ => trial::message(bytes),
    }
});
