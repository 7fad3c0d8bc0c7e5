//! The library's modules that are written in conc itself: their sources are part of the program, and each is compiled
//! when it is first imported. The right form for what is mostly classes; what must be fast or speaks to the operating
//! system is native, in `modules`. It must not know how a module is run.
//!
//! A session runs a module once, in a module object of its own. What such a module defines travels to other processes
//! by name: they have the source, too.

use std::sync::Arc;

use crate::eval::module::Linked;
use crate::runtime::leaf_lock::LeafLock;
use crate::syntax::source::Source;

/// What the names of their sources begin with, as tracebacks show them.
const FOLDER: &str = "<conc>/";

/// All modules of this kind by their dotted names.
const MODULES: &[(&str, &str)] = &[
    ("__future__", include_str!("__future__.conc")),
    (
        "_multiprocessing_log",
        include_str!("_multiprocessing_log.conc"),
    ),
    ("_module_spec", include_str!("_module_spec.conc")),
    ("_popen", include_str!("_popen.conc")),
    ("_posix_spawn", include_str!("_posix_spawn.conc")),
    ("_queue_hooks", include_str!("_queue_hooks.conc")),
    ("_run_module", include_str!("_run_module.conc")),
    (
        "_shared_structures",
        include_str!("_shared_structures.conc"),
    ),
    ("_source_lines", include_str!("_source_lines.conc")),
    ("_sys_modules", include_str!("_sys_modules.conc")),
    ("abc", include_str!("abc.conc")),
    ("argparse", include_str!("argparse.conc")),
    ("array", include_str!("array.conc")),
    ("base64", include_str!("base64.conc")),
    ("calendar", include_str!("calendar.conc")),
    ("codecs", include_str!("codecs.conc")),
    ("collections", include_str!("collections.conc")),
    ("collections._user", include_str!("collections/_user.conc")),
    ("collections.abc", include_str!("collections/abc.conc")),
    ("configparser", include_str!("configparser.conc")),
    ("contextlib", include_str!("contextlib.conc")),
    ("contextvars", include_str!("contextvars.conc")),
    ("csv", include_str!("csv.conc")),
    ("ctypes", include_str!("ctypes.conc")),
    ("dataclasses", include_str!("dataclasses.conc")),
    ("datetime", include_str!("datetime.conc")),
    ("decimal", include_str!("decimal.conc")),
    ("enum", include_str!("enum.conc")),
    ("fnmatch", include_str!("fnmatch.conc")),
    ("fractions", include_str!("fractions.conc")),
    ("functools", include_str!("functools.conc")),
    ("getopt", include_str!("getopt.conc")),
    ("getpass", include_str!("getpass.conc")),
    ("glob", include_str!("glob.conc")),
    ("gzip", include_str!("gzip.conc")),
    ("hashlib", include_str!("hashlib.conc")),
    ("heapq", include_str!("heapq.conc")),
    ("hmac", include_str!("hmac.conc")),
    ("html", include_str!("html.conc")),
    ("http", include_str!("http.conc")),
    ("http.client", include_str!("http/client.conc")),
    ("http.server", include_str!("http/server.conc")),
    ("importlib", include_str!("importlib.conc")),
    (
        "importlib.machinery",
        include_str!("importlib/machinery.conc"),
    ),
    ("importlib.util", include_str!("importlib/util.conc")),
    ("inspect", include_str!("inspect.conc")),
    ("io", include_str!("io.conc")),
    ("json", include_str!("json.conc")),
    ("json.decoder", include_str!("json/decoder.conc")),
    ("json.encoder", include_str!("json/encoder.conc")),
    ("keyword", include_str!("keyword.conc")),
    ("linecache", include_str!("linecache.conc")),
    ("locale", include_str!("locale.conc")),
    ("logging", include_str!("logging.conc")),
    ("logging.config", include_str!("logging/config.conc")),
    ("logging.handlers", include_str!("logging/handlers.conc")),
    ("mimetypes", include_str!("mimetypes.conc")),
    ("mmap", include_str!("mmap.conc")),
    (
        "multiprocessing._contexts",
        include_str!("multiprocessing/_contexts.conc"),
    ),
    (
        "multiprocessing.util",
        include_str!("multiprocessing/util.conc"),
    ),
    (
        "multiprocessing.resource_tracker",
        include_str!("multiprocessing/resource_tracker.conc"),
    ),
    ("numbers", include_str!("numbers.conc")),
    ("pathlib", include_str!("pathlib.conc")),
    ("platform", include_str!("platform.conc")),
    ("pprint", include_str!("pprint.conc")),
    ("re", include_str!("re.conc")),
    ("sched", include_str!("sched.conc")),
    ("secrets", include_str!("secrets.conc")),
    ("select", include_str!("select.conc")),
    ("selectors", include_str!("selectors.conc")),
    ("shlex", include_str!("shlex.conc")),
    ("shutil", include_str!("shutil.conc")),
    ("signal", include_str!("signal.conc")),
    ("socket", include_str!("socket.conc")),
    ("socketserver", include_str!("socketserver.conc")),
    ("stat", include_str!("stat.conc")),
    ("statistics", include_str!("statistics.conc")),
    ("string", include_str!("string.conc")),
    ("struct", include_str!("struct.conc")),
    ("subprocess", include_str!("subprocess.conc")),
    ("tempfile", include_str!("tempfile.conc")),
    ("textwrap", include_str!("textwrap.conc")),
    ("timeit", include_str!("timeit.conc")),
    ("traceback", include_str!("traceback.conc")),
    ("types", include_str!("types.conc")),
    ("typing", include_str!("typing.conc")),
    ("urllib", include_str!("urllib.conc")),
    ("urllib.error", include_str!("urllib/error.conc")),
    ("urllib.parse", include_str!("urllib/parse.conc")),
    ("urllib.request", include_str!("urllib/request.conc")),
    ("unittest", include_str!("unittest.conc")),
    ("unittest.mock", include_str!("unittest/mock.conc")),
    ("uuid", include_str!("uuid.conc")),
    ("warnings", include_str!("warnings.conc")),
    ("weakref", include_str!("weakref.conc")),
    ("zlib", include_str!("zlib.conc")),
];

/// The sources that were asked for, so that sessions share their texts and line tables.
static SOURCES: LeafLock<Vec<(&'static str, Arc<Source>)>> = LeafLock::new(Vec::new());

/// The source of a module, if it is one of these.
pub fn source(dotted: &str) -> Option<Arc<Source>> {
    let &(name, text) = MODULES.iter().find(|(name, _)| *name == dotted)?;
    if let Some(edited) = edited(name) {
        return Some(edited);
    }
    let known = |sources: &[(&str, Arc<Source>)]| {
        let found = sources.iter().find(|(known, _)| *known == name);
        found.map(|(_, source)| source.clone())
    };
    if let Some(source) = known(&SOURCES.lock()) {
        return Some(source);
    }
    let made = Arc::new(Source::new(
        format!("{FOLDER}{}", name.replace('.', "/")),
        text,
    ));
    let mut sources = SOURCES.lock();
    if let Some(source) = known(&sources) {
        return Some(source);
    }
    sources.push((name, made.clone()));
    Some(made)
}

/// In debug builds, the source as it stands in the folder that `CONC_LIBRARY` names: to try changes of a module without
/// building anew.
fn edited(name: &str) -> Option<Arc<Source>> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let relative = name.replace('.', "/");
    let path =
        std::path::Path::new(&std::env::var_os("CONC_LIBRARY")?).join(format!("{relative}.conc"));
    let text = std::fs::read_to_string(path).ok()?;
    Some(Arc::new(Source::new(format!("{FOLDER}{relative}"), text)))
}

/// The names of all modules of this kind.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

/// Whether a name is that of a module of this kind.
pub fn has(dotted: &str) -> bool {
    names().any(|name| name == dotted)
}

/// Whether a program is the source of a module of this kind.
pub fn is_source_of(linked: &Linked) -> bool {
    let name = linked.program.origin.source.name();
    name.strip_prefix(FOLDER)
        .is_some_and(|rest| has(&rest.replace('/', ".")))
}
