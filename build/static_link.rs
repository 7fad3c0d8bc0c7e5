//! Links the program with the C library statically, at a fixed address, as Go's programs are. A program with
//! shared libraries has twice as many areas of memory, of which a fork copies every one, and calls that lie far
//! from each other: a fourth of the time of a fork and of the start of a `Process`. At an address that is chosen
//! at each start, every page with a table of addresses would become the process's own; heap and stacks still
//! are where the kernel likes.
//!
//! rustc names the libraries in the middle of the linker's arguments and asks for shared ones there. So they
//! are found in a folder that comes before all others, in which each of these names stands for the archive.
//!
//! A static program asks the system's own modules for names of hosts when `nsswitch.conf` names others than
//! `files` and `dns`. These must then be of the C library that the program was linked with, which they are
//! where it was built. Programs for other machines can be linked with shared libraries: see [`DYNAMIC`].

use std::path::Path;
use std::{env, fs};

/// The variable that, if it is set, leaves out all this.
pub const DYNAMIC: &str = "CONC_LINK_DYNAMIC";

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
    if env::var_os(DYNAMIC).is_some() || !has_whole_c_library() {
        return None;
    }
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

/// Whether threads and the usual sources of names are parts of the C library itself, as since version 2.34.
/// Before, a static program could lack some of either. This program is linked with the same one, for nothing
/// is tried that is made for another machine.
#[cfg(target_env = "gnu")]
fn has_whole_c_library() -> bool {
    unsafe extern "C" {
        fn gnu_get_libc_version() -> *const std::ffi::c_char;
    }
    // SAFETY: gives a C string that lives as long as the program.
    let version = unsafe { std::ffi::CStr::from_ptr(gnu_get_libc_version()) }.to_string_lossy();
    let minor = version
        .strip_prefix("2.")
        .and_then(|minor| minor.split('.').next());
    minor
        .and_then(|minor| minor.parse().ok())
        .is_some_and(|minor: u32| minor >= 34)
}

#[cfg(not(target_env = "gnu"))]
fn has_whole_c_library() -> bool {
    false
}
