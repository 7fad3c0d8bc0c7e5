//! Has the linker lay the functions that a child of a fork runs, those around a fork in its parent, and
//! those of a start beside each other. A process starts with none of the program's text mapped and takes a
//! page fault for every stretch of 64 KiB that it runs through: scattered over the whole program, these
//! functions cost a child a fifth of its life, and a start as much and more than two MiB of memory.
//! `functions.txt` names them; `benches/order` makes that list.
//!
//! A linker that does not take such a script is left alone, and so are builds without optimisation. The
//! program is the same either way.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

const LIST: &str = "build/functions.txt";

fn main() {
    println!("cargo::rerun-if-changed={LIST}");
    println!("cargo::rerun-if-changed=build/main.rs");
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
    let script = folder.join("order.ld");
    let Ok(list) = fs::read_to_string(LIST) else {
        return;
    };
    if fs::write(&script, linker_script(&list)).is_ok() && linker_takes(&script, &folder) {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
}

/// Puts the functions, and the tables that they jump by, before all others, and what the runtime writes to
/// around a fork into as few pages as it has room in. The latter behind the other data: before it, some
/// linkers count it among what is read-only once the program is loaded.
fn linker_script(list: &str) -> String {
    let names: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let text = names
        .iter()
        .map(|name| format!("*(.text.{name} .text.unlikely.{name})"));
    let tables = names.iter().map(|name| format!("*(.rodata.{name})"));
    let written = [
        "*(.data._ZN4conc7runtime* .bss._ZN4conc7runtime*)",
        "*(.data._ZN4conc7library5files*)",
    ];
    place(".text.first :", text, "BEFORE .text")
        + &place(".rodata.first :", tables, "BEFORE .rodata")
        + &place(
            ".data.written : ALIGN(4096)",
            written.map(str::to_owned),
            "AFTER .data",
        )
}

/// Puts input sections into a section of their own.
fn place(section: &str, inputs: impl IntoIterator<Item = String>, place: &str) -> String {
    let inputs = Vec::from_iter(inputs).join("\n");
    format!("SECTIONS {{ {section} {{\n{inputs}\n}} }} INSERT {place};\n")
}

/// A program with something for the script to place.
const SMALL_PROGRAM: &str = "
mod runtime {
    use std::sync::atomic::{AtomicU32, Ordering};
    pub static WRITTEN: AtomicU32 = AtomicU32::new(1);
    pub static ZERO: AtomicU32 = AtomicU32::new(0);
    pub fn write() -> u32 {
        WRITTEN.fetch_add(1, Ordering::SeqCst) + ZERO.fetch_add(1, Ordering::SeqCst)
    }
}
fn main() {
    let sum = runtime::write() + runtime::write();
    assert_eq!(sum, 4, \"{}\", String::from(\"lost\"));
}
";

/// Whether the linker that will link the program takes the script, and what it makes of it runs: found out
/// with a small program. Where this machine is not the one to run it on, nobody knows.
fn linker_takes(script: &Path, folder: &Path) -> bool {
    let variable = |name: &str| env::var_os(name).unwrap_or_default();
    if variable("HOST") != variable("TARGET") {
        return false;
    }
    let (source, program) = (folder.join("small.rs"), folder.join("small"));
    if fs::write(&source, SMALL_PROGRAM).is_err() {
        return false;
    }
    let mut rustc = Command::new(variable("RUSTC"));
    rustc
        .args(["--crate-name", "conc", "--edition", "2021", "--target"])
        .arg(variable("TARGET"))
        .arg(format!("-Clink-arg=-Wl,-T,{}", script.display()))
        .arg("-o")
        .args([&program, &source]);
    let linker = variable("RUSTC_LINKER");
    if !linker.is_empty() {
        let mut option = std::ffi::OsString::from("-Clinker=");
        option.push(linker);
        rustc.arg(option);
    }
    // The flags of the build itself, which may choose another linker.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    succeeds(&mut rustc) && succeeds(&mut Command::new(program))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
