//! What Python's standard library has and conc's has not, so that whoever asks for it is told so. It must not know how that
//! is said.

/// The modules of Python 3.13's standard library, packages without what is below them. Those that are here too are found
/// before anybody asks.
const MODULES: &str = "
__future__ __main__ _thread _tkinter abc antigravity argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2
cProfile calendar cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib contextvars
copy copyreg csv ctypes curses dataclasses datetime dbm decimal difflib dis doctest email encodings ensurepip enum errno
faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp
gzip hashlib heapq hmac html http idlelib imaplib importlib inspect io ipaddress itertools json keyword linecache locale logging
lzma mailbox marshal math mimetypes mmap modulefinder msvcrt multiprocessing netrc nt ntpath nturl2path numbers opcode operator
optparse os pathlib pdb pickle pickletools pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd
py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets
select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat
statistics string stringprep struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios textwrap this
threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata
unittest urllib uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xml xmlrpc zipapp zipfile zipimport zlib
zoneinfo";

/// Modules that Python had once: programs for Python 2, and those that 3.12 and 3.13 took away.
const FORMER_MODULES: &[(&str, &str)] = &[
    ("ConfigParser", "configparser"),
    ("Queue", "queue"),
    ("StringIO", "io"),
    ("cPickle", "pickle"),
    ("cStringIO", "io"),
    ("commands", "subprocess"),
    ("copy_reg", "copyreg"),
    ("distutils", ""),
    ("imp", "importlib"),
    ("pipes", "shlex"),
    ("popen2", "subprocess"),
    ("sets", ""),
    ("thread", "_thread"),
    ("urllib2", "urllib.request"),
    ("urlparse", "urllib.parse"),
];

/// Whether Python's standard library has a module of this name, or one above it.
pub fn is_module(dotted: &str) -> bool {
    let first = dotted.split('.').next().unwrap_or(dotted);
    MODULES.split_ascii_whitespace().any(|name| name == first)
}

/// What a module of former Pythons is called now, empty if there is nothing like it; `None` for what never was one.
pub fn former_module(name: &str) -> Option<&'static str> {
    let found = FORMER_MODULES.iter().find(|(former, _)| *former == name)?;
    Some(found.1)
}

/// Whether Python's module has a public name that conc's module has not.
pub fn is_attribute(module: &str, name: &str) -> bool {
    let lines = ATTRIBUTES.lines().filter(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.split_once(": "));
    names
        .filter(|(listed, _)| *listed == module)
        .any(|(_, names)| names.split_ascii_whitespace().any(|known| known == name))
}

/// The names, one module a line, without what Python's modules import for themselves. Names that are here too are found before
/// anybody asks.
const ATTRIBUTES: &str = include_str!("left_out.txt");

#[cfg(test)]
mod tests {
    use super::{former_module, is_attribute, is_module};

    #[test]
    fn knows_what_python_has() {
        assert!(is_module("zipfile") && is_module("xml.etree.ElementTree"));
        assert!(!is_module("zipfiel"));
        assert_eq!(former_module("thread"), Some("_thread"));
        assert!(is_attribute("os", "chroot") && !is_attribute("os", "chrot"));
        assert!(!is_attribute("sys", "chroot"));
    }
}
