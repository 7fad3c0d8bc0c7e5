//! What goes with a message beside its bytes, where it goes, and what its receiver surely knows. It must not know the
//! format.

use std::any::Any;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::programs::Baseline;
use crate::runtime::handle::Handle;

/// What goes with a message, and where to: for what is not its bytes alone.
#[derive(Default)]
pub struct Parcel {
    /// Where the message goes.
    pub destination: Destination,
    /// The shared objects that the message names, which live as long as it is under way.
    pub handles: Vec<Handle>,
    /// What the value is to whoever sends it.
    pub subject: Subject,
    /// The descriptors that go beside the message, in the order in which it names them.
    pub descriptors: Vec<OwnedFd>,
}

/// What the value of a message is to whoever sends it, for what is said of parts that cannot travel.
#[derive(Clone, Copy, Default)]
pub enum Subject {
    /// A value.
    #[default]
    Value,
    /// A function, its arguments and its keyword arguments.
    Call,
    /// A function and a list of what it is to be called with.
    Items,
}

impl Subject {
    /// A path from the message's value as a path from what the script gave.
    pub(super) fn worded(self, path: Vec<String>) -> Vec<String> {
        if matches!(self, Self::Value) {
            return path;
        }
        let mut steps = path.into_iter();
        let mut worded = Vec::new();
        match steps.next().as_deref() {
            Some("[0]") => worded.push("the function".to_owned()),
            Some("[1]") => {
                let place = steps.next().unwrap_or_default();
                let number = place.trim_matches(['[', ']']).parse::<u64>();
                worded.push(match (self, number) {
                    (Self::Call, Ok(number)) => format!("argument {}", number + 1),
                    _ => "an item".to_owned(),
                });
            }
            _ => {
                let keyword = steps.next().unwrap_or_default();
                let name = keyword.trim_matches(['[', ']', '\'']);
                worded.push(format!("argument `{name}`"));
            }
        }
        worded.extend(steps);
        worded
    }
}

/// Where a message goes, as far as that matters for what is in it.
#[derive(Clone, Default)]
pub enum Destination {
    /// Nobody knows: a pipe, a file, another machine.
    #[default]
    Anywhere,
    /// Kept by a script, to be read by whatever program: functions and classes go by their names.
    File,
    /// Into a queue in shared memory, which takes handles along.
    SharedQueue,
    /// Over a socket of this machine, which takes descriptors along.
    Socket,
    /// To or from the server of a manager, who knows what this says.
    Manager(Arc<dyn Any + Send + Sync>),
}

/// What whoever will decode a message surely knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiver {
    /// Programs and global variables.
    pub baseline: Baseline,
}
