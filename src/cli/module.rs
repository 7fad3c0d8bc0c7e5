//! Where `-m MODULE` finds its program: beside the current folder, in the folders that the environment
//! names, or in the library. It must not know how a program is run.

use std::path::PathBuf;

/// What a module's name leads to.
pub(super) enum Found {
    /// A file.
    File(PathBuf),
    /// A module of the library: the text that runs it.
    Library(String),
    /// Nothing; why, in words.
    Nothing(String),
}

/// The endings of scripts.
const ENDINGS: [&str; 2] = ["conc", "py"];

/// Looks for a module.
pub(super) fn find(name: &str) -> Found {
    let is_name = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .is_some_and(|first| first == '_' || first.is_alphabetic())
            && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
    };
    if let Some((module, ending)) = name.rsplit_once('.')
        && ENDINGS.contains(&ending)
        && PathBuf::from(name).is_file()
    {
        return Found::Nothing(format!(
            "no module named '{name}': -m takes the name of a module, without the ending: '{module}'"
        ));
    }
    if !name.split('.').all(is_name) {
        return Found::Nothing(format!("no module named '{name}'"));
    }
    let relative: PathBuf = name.split('.').collect();
    for folder in folders() {
        let base = folder.join(&relative);
        for ending in ENDINGS {
            let mut file = base.clone().into_os_string();
            file.push(".");
            file.push(ending);
            let file = PathBuf::from(file);
            if file.is_file() {
                return Found::File(file);
            }
        }
        if base.is_dir() {
            for ending in ENDINGS {
                let file = base.join(format!("__main__.{ending}"));
                if file.is_file() {
                    return Found::File(file);
                }
            }
            let is_package = ENDINGS
                .iter()
                .any(|ending| base.join(format!("__init__.{ending}")).is_file());
            if is_package {
                return Found::Nothing(format!(
                    "no module named '{name}.__main__': '{name}' is a package and cannot be run directly"
                ));
            }
        }
    }
    // The name is one or more identifiers.
    Found::Library(format!("__import__('_run_module').start('{name}')"))
}

/// The package that a module run by this name belongs to: itself, where its `__main__` is run.
pub(super) fn package_of(name: &str) -> String {
    let runs_main = match find(name) {
        Found::File(file) => file.file_stem().is_some_and(|stem| stem == "__main__"),
        _ => false,
    };
    match name.rsplit_once('.') {
        _ if runs_main => name.to_owned(),
        Some((package, _)) => package.to_owned(),
        None => String::new(),
    }
}

fn folders() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::new()];
    if let Some(more) = std::env::var_os("CONC_PATH") {
        folders.extend(std::env::split_paths(&more));
    }
    folders
}
