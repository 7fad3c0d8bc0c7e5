//! Any bytes as a message: decoding must end in a value or in an error, and never take more memory than the bytes
//! account for. What was decoded is encoded and decoded again, which must give the same bytes.
#![no_main]

use conc::engine::trial;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    trial::message(bytes);
});
