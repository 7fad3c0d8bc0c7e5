//! Finds out with a small program what the linker can do. Must not know what for.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

/// A program with statics for a linker script to place, and with what a program asks of the C library and of
/// the libraries beside it: threads, mathematics, unwinding, and the addresses of a host that it is given.
/// For that, a program that is linked statically needs a C library that has all in one.
const SMALL_PROGRAM: &str = r#"
mod runtime {
    use std::sync::atomic::{AtomicU32, Ordering};
    pub static WRITTEN: AtomicU32 = AtomicU32::new(1);
    pub static ZERO: AtomicU32 = AtomicU32::new(0);
    pub fn write() -> u32 {
        WRITTEN.fetch_add(1, Ordering::SeqCst) + ZERO.fetch_add(1, Ordering::SeqCst)
    }
}
#[cfg(target_env = "gnu")]
/// Whether threads and the usual sources of names are parts of the C library itself, as since version 2.34.
fn has_whole_c_library() -> bool {
    unsafe extern "C" {
        fn gnu_get_libc_version() -> *const std::ffi::c_char;
    }
    let version = unsafe { std::ffi::CStr::from_ptr(gnu_get_libc_version()) }.to_string_lossy();
    let minor = version.strip_prefix("2.").and_then(|minor| minor.split('.').next()?.parse().ok());
    minor.is_some_and(|minor: u32| minor >= 34)
}
#[cfg(not(target_env = "gnu"))]
fn has_whole_c_library() -> bool {
    false
}
fn main() {
    let sum = runtime::write() + runtime::write();
    assert_eq!(sum, 4, "{}", String::from("lost"));
    let thread = std::thread::spawn(move || f64::from(sum).powf(1.25));
    assert!(thread.join().is_ok_and(|power| (5.6..5.7).contains(&power)));
    #[cfg(panic = "unwind")]
    assert!(std::panic::catch_unwind(|| panic!("{sum}")).is_err());
    for host in std::env::args().skip(1) {
        assert!(has_whole_c_library());
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
