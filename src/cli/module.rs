//! Where `-m MODULE` finds its program: beside the current folder, in the folders that the environment
//! names, or in the library. It must not know how a program is run.

use std::path::PathBuf;

/// What a module's name leads to.
pub(super) enum Found {
    /// A file.
    File(PathBuf),
    /// A module of the library, or nothing at all: the text that runs it or says so.
    Library(String),
    /// Nothing; why, in words that CPython has for it.
    Nothing(String),
}

/// The endings of scripts.
const ENDINGS: [&str; 2] = ["conc", "py"];

/// Looks for a module.
pub(super) fn find(name: &str) -> Found {
    if !name.split('.').all(is_name) {
        return Found::Nothing(format!("No module named {name}"));
    }
    match in_files(name) {
        Some(InFiles::Module(file)) => return Found::File(file),
        Some(InFiles::Package {
            main: Some(file), ..
        }) => return Found::File(file),
        Some(InFiles::Package { main: None, .. }) => {
            return Found::Nothing(format!(
                "No module named {name}.__main__; '{name}' is a package and cannot be directly executed"
            ));
        }
        None => {}
    }
    if let Some((above, last)) = name.rsplit_once('.') {
        match in_files(above) {
            Some(InFiles::Module(_)) => {
                let advice = match ENDINGS.contains(&last) {
                    true => {
                        format!(". Try using '{above}' instead of '{name}' as the module name.")
                    }
                    false => String::new(),
                };
                return Found::Nothing(format!(
                    "Error while finding module specification for '{name}' (ModuleNotFoundError: __path__ \
                     attribute not found on '{above}' while trying to find '{name}'){advice}"
                ));
            }
            Some(InFiles::Package { .. }) => {
                return Found::Nothing(format!("No module named {name}"));
            }
            None => {}
        }
    }
    // The name is one or more identifiers.
    Found::Library(format!("__import__('_run_module').start('{name}')"))
}

/// The package that a module run by this name belongs to: itself, where its `__main__` is run.
pub(super) fn package_of(name: &str) -> &str {
    match (in_files(name), name.rsplit_once('.')) {
        (Some(InFiles::Package { .. }), _) => name,
        (_, Some((package, _))) => package,
        (_, None) => "",
    }
}

/// Whether there is a package of this name in files, which is imported before what is run in it.
pub(super) fn is_package(name: &str) -> bool {
    matches!(
        in_files(name),
        Some(InFiles::Package { has_code: true, .. })
    )
}

/// What is in files.
enum InFiles {
    Module(PathBuf),
    Package {
        /// The file that is run in its place.
        main: Option<PathBuf>,
        /// Whether it is more than a folder.
        has_code: bool,
    },
}

fn in_files(name: &str) -> Option<InFiles> {
    if !name.split('.').all(is_name) {
        return None;
    }
    let relative: PathBuf = name.split('.').collect();
    for folder in folders() {
        let base = folder.join(&relative);
        let inside = |stem: &str| {
            let files = ENDINGS.map(|ending| base.join(format!("{stem}.{ending}")));
            files.into_iter().find(|file| file.is_file())
        };
        if inside("__init__").is_some() {
            let main = inside("__main__");
            return Some(InFiles::Package {
                main,
                has_code: true,
            });
        }
        for ending in ENDINGS {
            let mut file = base.clone().into_os_string();
            file.push(".");
            file.push(ending);
            let file = PathBuf::from(file);
            if file.is_file() {
                return Some(InFiles::Module(file));
            }
        }
        if base.is_dir() {
            let main = inside("__main__");
            return Some(InFiles::Package {
                main,
                has_code: false,
            });
        }
    }
    None
}

fn is_name(part: &str) -> bool {
    let mut letters = part.chars();
    letters
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
}

/// Absolute, as in CPython: what is run may change the folder.
fn folders() -> Vec<PathBuf> {
    let mut folders = vec![std::env::current_dir().unwrap_or_default()];
    if let Some(more) = std::env::var_os("CONC_PATH") {
        folders.extend(std::env::split_paths(&more));
    }
    folders
}
