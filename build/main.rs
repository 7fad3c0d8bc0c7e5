//! Tells the linker how to make the program, where the linker can do it: statically (`static_link`), and
//! with what runs around a fork and at a start beside each other (`order`). Every fork copies the map of
//! the process, so what the program is made of decides what a fork costs.
//!
//! What is asked of the linker is tried with a small program first, which must run. Where it does not, the
//! program is linked without; it is the same either way. Builds without optimisation are left alone.

mod order;
mod probe;
mod static_link;

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build");
    for variable in [
        static_link::DYNAMIC,
        "RUSTC_LINKER",
        "CARGO_ENCODED_RUSTFLAGS",
    ] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let is_set = |name: &str| env::var_os(name).is_some();
    let has = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // The library is linked by the program that embeds it.
    if !is_set("CARGO_FEATURE_CLI") || has("OPT_LEVEL", "0") || !has("CARGO_CFG_TARGET_OS", "linux")
    {
        return;
    }
    let Some(folder) = env::var_os("OUT_DIR").map(PathBuf::from) else {
        return;
    };
    // Each is tried beside what has worked: a linker may take the one and not the other.
    let mut arguments = Vec::new();
    for (wanted, host) in [
        (order::arguments(&folder), None),
        (static_link::arguments(&folder), Some("localhost")),
    ] {
        let more = [&arguments[..], &wanted.unwrap_or_default()].concat();
        if more.len() > arguments.len() && probe::works(&more, host, &folder) {
            arguments = more;
        }
    }
    for argument in arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
