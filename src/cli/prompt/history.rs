//! Where the prompt's history is kept. It must not know its format.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// The history's file, in the folder that is meant for such things; `None` where there is no home.
pub(super) fn file() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let state = match set("XDG_STATE_HOME").map(PathBuf::from) {
        Some(folder) if folder.is_absolute() => folder,
        _ => home(PathBuf::from(set("HOME")?))?.join(".local/state"),
    };
    let folder = state.join("conc");
    // What is typed is nobody else's business.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .ok()?;
    Some(folder.join("history"))
}

/// The home, if there is such a folder: accounts of services name one that is not meant to be.
fn home(folder: PathBuf) -> Option<PathBuf> {
    folder.is_dir().then_some(folder)
}
