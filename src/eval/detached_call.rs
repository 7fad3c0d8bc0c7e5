//! Calling a script's function where no context is at hand: in the drop of an object that a weak
//! reference was told to watch. It must not know what is called, nor why.

use std::sync::{Arc, Weak};

use super::context::{Context, Entry};
use super::session::SessionState;
use super::{abandoned, native_stack};
use crate::value::{Outcome, Value};

/// Where to call: noted while there is a context.
#[derive(Clone)]
pub struct Place {
    /// Not kept alive: what is kept here belongs to the session itself.
    session: Weak<SessionState>,
    entry: Entry,
}

/// Native stack for such a call.
const STACK: usize = 256 * 1024;

impl Place {
    /// The session of a context.
    pub fn of(cx: &Context) -> Place {
        Place {
            session: Arc::downgrade(&cx.session),
            entry: cx.entry(),
        }
    }

    /// Runs `work` with a context of its own, on a native stack of its own, since nothing is known
    /// of the present one. Nothing happens when the session is gone, or this is no thread of the
    /// interpreter's.
    pub fn enter(&self, work: impl FnOnce(&mut Context)) {
        let Some(session) = self.session.upgrade() else {
            return;
        };
        let (Some(thread), Some(stack)) = (abandoned::current_thread(), native_stack::take(STACK))
        else {
            return;
        };
        let mut cx = Context::brief(thread, session, self.entry);
        let outcome: Outcome<Value> = native_stack::run_on(stack, &mut cx, |cx| {
            work(cx);
            Ok(Value::None)
        });
        debug_assert!(outcome.is_ok());
    }
}
