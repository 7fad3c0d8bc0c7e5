//! Links the program with the C library statically, at a fixed address, as Go's programs are. A program with
//! shared libraries has twice as many areas of memory, of which a fork copies every one, and calls that lie far
//! from each other: a fourth of the time of a fork and of the start of a `Process`. At an address that is chosen
//! at each start, every page with a table of addresses would become the process's own; heap and stacks still
//! are where the kernel likes.
//!
//! rustc names the libraries in the middle of the linker's arguments and asks for shared ones there. So they
//! are found in a folder that comes before all others, in which each of these names stands for the archive.
//!
//! Where names of hosts come from others than files and DNS, the program keeps its shared libraries: a static one
//! would load modules of the C library that the system has at that moment. Who builds for other machines can say
//! that, too: see [`DYNAMIC`].

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The variable that, if it is set, leaves out all this.
pub const DYNAMIC: &str = "CONC_LINK_DYNAMIC";

/// Where a system says from whom it has names.
const NAMES: &str = "/etc/nsswitch.conf";

/// What the names of shared libraries stand for. Those of them that have become parts of the C library are
/// still archives, which hold nothing.
const LIBRARIES: &[(&str, &str)] = &[
    ("libgcc_s.so", "GROUP(libgcc_eh.a libgcc.a libc.a)"),
    ("libc.so", "GROUP(libc.a libgcc_eh.a libgcc.a)"),
    ("libm.so", "GROUP(libm.a)"),
    ("libutil.so", "GROUP(libutil.a)"),
    ("librt.so", "GROUP(librt.a)"),
    ("libpthread.so", "GROUP(libpthread.a)"),
    ("libdl.so", "GROUP(libdl.a)"),
];

/// Has the linker take the archives.
pub fn arguments(folder: &Path) -> Option<Vec<String>> {
    let is_gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|found| found == "gnu");
    if env::var_os(DYNAMIC).is_some() || !is_gnu || !has_plain_names() {
        return None;
    }
    watch_archive();
    let archives = folder.join("archives");
    fs::create_dir_all(&archives).ok()?;
    for (name, text) in LIBRARIES {
        fs::write(archives.join(name), text).ok()?;
    }
    // For this program alone: a search path that cargo passes on would reach those who embed the library.
    Some(vec![
        format!("-L{}", archives.display()),
        "-static".to_owned(),
        "-no-pie".to_owned(),
    ])
}

/// Whether names of hosts come from files and DNS alone, which the C library itself has. Other sources are modules
/// of the C library that the system has at that moment, which need not be the one that the program was linked with.
fn has_plain_names() -> bool {
    let Ok(text) = fs::read_to_string(NAMES) else {
        return true;
    };
    println!("cargo::rerun-if-changed={NAMES}");
    let hosts = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("hosts:"));
    let mut words = hosts.flat_map(|line| {
        line.split('#')
            .next()
            .unwrap_or_default()
            .split_whitespace()
    });
    words
        .all(|word| word.starts_with('[') || word.ends_with(']') || matches!(word, "files" | "dns"))
}

/// The archive, if there is one. When it goes or changes, all this must be tried again.
fn watch_archive() {
    let asked = Command::new("cc").arg("-print-file-name=libc.a").output();
    let path = asked.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned());
    if let Ok(path) = path
        && Path::new(&path).is_absolute()
    {
        println!("cargo::rerun-if-changed={path}");
    }
}
