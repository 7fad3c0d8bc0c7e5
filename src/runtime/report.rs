//! Where the runtime says what a person must know although no operation failed: a thread that holds
//! up everybody, a wait that lasts long. Whoever owns the streams decides where it goes.

use super::leaf_lock::LeafLock;
use std::sync::Arc;

type Sink = Arc<dyn Fn(&str) + Send + Sync>;

static SINK: LeafLock<Option<Sink>> = LeafLock::new(None);

/// Sends warnings to `sink` from now on. It may be called from any thread at any moment, must not
/// block for long, and must not call back into the runtime. Without one they go to file descriptor 2.
pub fn set_sink(sink: impl Fn(&str) + Send + Sync + 'static) {
    let sink: Sink = Arc::new(sink);
    let old = SINK.lock().replace(sink);
    drop(old);
}

/// One warning, without line end.
pub fn warn(text: &str) {
    let sink = SINK.lock().clone();
    match sink {
        Some(sink) => sink(text),
        None => {
            let line = format!("conc: {text}\n");
            // Not std's stderr: its lock may be held by a thread that is being stopped.
            // SAFETY: the buffer is valid for its length. If it cannot be written, nobody reads.
            let _ = unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
        }
    }
}
