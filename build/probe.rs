//! Finds out with a small program what the linker can do. Must not know what for.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

/// A program with statics for a linker script to place, and with what a program asks of the C library and of
/// the libraries beside it: threads, mathematics, unwinding, and the addresses of a host that it is given.
const SMALL_PROGRAM: &str = r#"
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
    assert_eq!(sum, 4, "{}", String::from("lost"));
    let thread = std::thread::spawn(move || f64::from(sum).powf(1.25));
    assert!(thread.join().is_ok_and(|power| (5.6..5.7).contains(&power)));
    assert!(std::panic::catch_unwind(|| panic!("{sum}")).is_err());
    for host in std::env::args().skip(1) {
        let addresses = std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), 1));
        assert!(addresses.is_ok_and(|mut found| found.next().is_some()));
    }
}
"#;

/// Whether a small program that is linked with these arguments can be made, runs, and finds this host.
/// Where this machine is not the one to run it on, nobody knows.
pub fn works(arguments: &[String], host: Option<&str>, folder: &Path) -> bool {
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
        .args(["--crate-name", "conc", "--edition", "2024", "--target"])
        .arg(variable("TARGET"))
        .arg("-o")
        .args([&program, &source]);
    rustc.args(arguments.iter().map(|one| format!("-Clink-arg={one}")));
    let linker = variable("RUSTC_LINKER");
    if !linker.is_empty() {
        let mut option = std::ffi::OsString::from("-Clinker=");
        option.push(linker);
        rustc.arg(option);
    }
    // The flags of the build itself, which may choose another linker.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    succeeds(&mut rustc) && succeeds(Command::new(program).args(host))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
