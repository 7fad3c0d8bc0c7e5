//! Any bytes as a source text: layout pass, parser and resolver must end in a program or in an error whose place lies
//! within the text. It must not run anything.
#![no_main]

use std::sync::Arc;

use conc::engine::trial;
use conc::syntax::source::Source;
use conc::syntax::{parse_expression, parse_module};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let source = match Source::from_bytes("fuzz", bytes.to_vec()) {
        Ok(source) => Arc::new(source),
        Err((source, error)) => {
            error.to_plain_text(&source);
            return;
        }
    };
    let _ = parse_expression(&source);
    match parse_module(&source) {
        Ok(module) => {
            trial::resolve(&module, &source);
        }
        Err(error) => {
            for (span, _) in error.related.iter().chain([&(error.span, String::new())]) {
                assert!(span.start <= span.end && span.end as usize <= source.text().len() + 1);
            }
            assert!(!error.message.contains("the parser "), "{}", error.message);
            error.to_plain_text(&source);
        }
    }
});
