//! What the program's parts are laid beside each other by. A process starts with none of the program's text
//! mapped and takes a page fault for every stretch of 64 KiB that it runs through: scattered over the whole
//! program, the functions that a child of a fork runs cost it a fifth of its life, and those of a start as
//! much and more than two MiB of memory. `functions.txt` names them; `benches/order` makes that list.

use std::fs;
use std::path::Path;

const LIST: &str = "build/functions.txt";

/// The members of the C library's archive that the shortest fork runs, for a program that is linked with it
/// statically: the archive has one section for each. Of what is written for several processors (`memmove`)
/// the newer ones.
const C_LIBRARY: &[&str] = &[
    "fork",
    "_Fork",
    "register-atfork",
    "nptl-stack",
    "getpid",
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "lowlevellock",
    "pthread_sigmask",
    "pthread_self",
    "errno-loc",
    "libc_sigaction",
    "sigaction",
    "syscall",
    "fcntl64",
    "fcntl_nocancel",
    "wait4",
    "clock_gettime",
    "_exit",
    "memmove-evex-unaligned-erms",
    "memmove-avx-unaligned-erms",
    "memset-evex-unaligned-erms",
    "memset-avx2-unaligned-erms",
    "memcmp-evex-movbe",
    "memcmp-avx2-movbe",
];

/// Those that a child runs that does more than to end at once, or whose parent has threads.
const MORE_OF_THE_C_LIBRARY: &[&str] = &[
    "nss_database",
    "genops",
    "malloc",
    "getppid",
    "prctl",
    "open64",
    "fstat64",
    "fstatat64",
    "dup2",
    "close",
    "close_nocancel",
    "read",
    "write",
    "strlen-evex",
    "strlen-avx2",
];

/// Those whose data a fork writes to.
const C_LIBRARY_DATA: &[&str] = &[
    "fork",
    "pthread_once",
    "nptl-stack",
    "nptl_nthreads",
    "nss_database",
    "dl-support",
    "single_threaded",
];

/// The modules of the program whose statics are written to around a fork, as the linker names them.
const WRITTEN: &[&str] = &[
    "7runtime",
    "7library5files4LOST",
    "7library5files4OPEN",
    "5value4name5table",
    "5value5class",
    "5value6moment",
    "5value7reclaim",
    "5value8registry",
];

/// What threads have of their own and seldom write to, as the linker names it: laid where the C library's record of
/// the thread, which a fork writes to on both sides, is farthest.
const OWN_AND_SELDOM_WRITTEN: &[&str] = &["5value8registry4KEPT", "5value6credit5STORE"];

/// The bytes between these and the rest. The C library puts what the first thread has of its own, its record (2,304
/// bytes) and the allocator's cache (656) at the beginning of the heap, some 800 bytes in: with this they lie on one
/// page, the second. It costs each thread as much.
const OWN_PADDING: usize = 1216;

/// Has the linker take a script that says so.
pub fn arguments(folder: &Path) -> Option<Vec<String>> {
    let list = fs::read_to_string(LIST).ok()?;
    let script = folder.join("order.ld");
    fs::write(&script, linker_script(&list)).ok()?;
    Some(vec![format!("-Wl,-T,{}", script.display())])
}

/// Puts the functions before all others, and what is written to around a fork into as few pages as it has room in; the
/// tables that the functions jump by go behind all others, where some linkers lay them near the functions: what lies
/// near needs fewer tables in a child's map. What is written to lies behind the other data: before it, some linkers
/// count it among what is read-only once the program is loaded. All else that begins as zero follows it.
fn linker_script(list: &str) -> String {
    // What every child runs comes first, up to an empty line, so that it lies in one stretch.
    let (every_childs, others) = list.split_once("\n\n").unwrap_or((list, ""));
    let names = |list| -> Vec<&str> {
        let lines = str::lines(list);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect()
    };
    let library = |members: &[&str]| -> Vec<String> {
        let sections = |member| format!("*libc.a:{member}.o(.text .text.*)");
        members.iter().map(sections).collect()
    };
    let sections = |name: &&str| format!("*(.text.{name} .text.unlikely.{name})");
    let functions = [
        library(C_LIBRARY),
        names(every_childs).iter().map(sections).collect(),
        library(MORE_OF_THE_C_LIBRARY),
        names(others).iter().map(sections).collect(),
    ]
    .concat();
    let tables = names(list)
        .into_iter()
        .map(|name| format!("*(.rodata.{name})"));
    // Small constants, which many functions share.
    let tables = tables.chain(["*(.rodata.cst4 .rodata.cst8 .rodata.cst16)".to_owned()]);
    let library_data = C_LIBRARY_DATA
        .iter()
        .map(|member| format!("*libc.a:{member}.o(.data .bss)"));
    let data = WRITTEN.iter().map(|module| {
        let module = format!("_ZN4conc{module}*");
        format!("*(.data.{module} .bss.{module})")
    });
    // The rest of what begins as zero comes along, into the file: it would be one more mapping for each fork to copy.
    let data = data.chain(["*(.bss .bss.* COMMON)".to_owned()]);
    let seldom = OWN_AND_SELDOM_WRITTEN
        .iter()
        .map(|variable| format!("*(.tbss._ZN4conc{variable}*)"))
        // With the others in it, the section is never without any: it would not be one of this kind.
        .chain([
            format!(". += {OWN_PADDING};"),
            "*(.tbss .tbss.*)".to_owned(),
        ]);
    // Each stretch whole.
    let text = ".text.first : ALIGN(0x10000)";
    place(text, functions.into_iter(), "BEFORE .text")
        + &place(".rodata.first :", tables, "AFTER .rodata")
        + &place(
            ".data.written : ALIGN(4096)",
            library_data.chain(data),
            "AFTER .data",
        )
        + &place(".tbss :", seldom, "AFTER .tdata")
}

/// Puts input sections into a section of their own.
fn place(section: &str, inputs: impl Iterator<Item = String>, place: &str) -> String {
    let inputs = Vec::from_iter(inputs).join("\n");
    format!("SECTIONS {{ {section} {{\n{inputs}\n}} }} INSERT {place};\n")
}
