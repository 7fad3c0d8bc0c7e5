//! The way from a client to a manager's server: a door, behind which a thread of the server waits for
//! each thread of a client, and two queues between these two.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::server_gone;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::library::message;
use crate::library::modules::multiprocessing::child::shared;
use crate::library::modules::multiprocessing::errors::from_arena;
use crate::library::modules::multiprocessing::process::own_pid as pid;
use crate::runtime::clock::Deadline;
use crate::runtime::handle::Handle;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::process::Child;
use crate::runtime::shared_queue::{Message, QueueError, SharedQueue};
use crate::runtime::shared_wait::Until;
use crate::runtime::slot::{self, SlotId};
use crate::runtime::{fork, thread};
use crate::value::Outcome;

/// How often one who waits for an answer looks whether the server lives.
const LOOK: Duration = Duration::from_millis(100);

/// What comes through the door.
pub mod knock {
    /// A client, with its two queues.
    pub const CLIENT: u8 = 0;
    /// The server is to end.
    pub const STOP: u8 = 1;
}

/// A manager's server, as its clients know it.
pub struct Server {
    door: SharedQueue,
    slot: Option<SlotId>,
    pid: i32,
    /// The process that started it; 0 where that is another.
    owner: i32,
    /// What it surely knows, for the process that started it and its later children.
    receiver: message::Receiver,
}

/// The queues of one thread of a client.
struct Line {
    requests: SharedQueue,
    answers: SharedQueue,
}

/// The lines of a session's threads.
#[derive(Default)]
pub struct Lines {
    lines: LeafLock<HashMap<LineKey, Arc<Line>>>,
}

/// Server, thread, and how many forks away from the program's start.
type LineKey = (u64, u64, u32);

impl Server {
    /// The server that was just started.
    pub fn started(door: SharedQueue, child: &Child, receiver: message::Receiver) -> Server {
        Server {
            door,
            slot: child.slot(),
            pid: child.pid(),
            owner: pid(),
            receiver,
        }
    }

    /// The server that a message names.
    ///
    /// # Errors
    /// `BrokenPipeError` when it is gone.
    pub fn found(slot: u32, door: u64, serial: u64, pid: i32) -> Outcome<Server> {
        let slot = SlotId::from_tag(slot);
        let door = match slot {
            Some(slot) if slot::is_alive(slot) => Handle::find(door, serial),
            _ => None,
        };
        match door.and_then(SharedQueue::from_handle) {
            Some(door) => Ok(Server {
                door,
                slot,
                pid,
                owner: 0,
                receiver: message::Receiver::default(),
            }),
            None => Err(server_gone(pid)),
        }
    }

    /// What a message says of it: slot, door, the door's number, process.
    pub fn place(&self) -> (u32, u64, u64, i32) {
        let handle = self.door.handle();
        (
            self.slot.map_or(0, SlotId::tag),
            handle.object(),
            handle.serial(),
            self.pid,
        )
    }

    /// What requests may take for known there.
    pub fn receiver(&self) -> message::Receiver {
        self.receiver
    }

    /// A name for people.
    pub fn address(&self) -> String {
        format!("manager-{}-{}", self.pid, self.door.handle().serial())
    }

    fn is_alive(&self) -> bool {
        self.slot.is_some_and(slot::is_alive)
    }

    /// Asks it to end.
    pub fn stop(&self, cx: &mut Context) {
        // If there is no memory even for this, a signal follows.
        let _ = self.door.put(&cx.thread, &[knock::STOP], &[], Until::Now);
    }

    /// Says that the manager object is gone.
    pub fn let_go(&self) {
        // A child that has a copy of the manager is not its owner.
        if self.owner == pid() {
            self.door.close(false);
        }
    }

    fn line(&self, cx: &mut Context) -> Outcome<Arc<Line>> {
        let lines = cx.session.extensions.get::<Lines>();
        let key = (
            self.door.handle().serial(),
            cx.thread.id().get(),
            fork::generation(),
        );
        let known = lines.lines.lock().get(&key).cloned();
        if let Some(line) = known {
            return Ok(line);
        }
        let line = Arc::new(Line {
            requests: shared(SharedQueue::new(None))?,
            answers: shared(SharedQueue::new(None))?,
        });
        let handles = [
            line.requests.handle().clone(),
            line.answers.handle().clone(),
        ];
        match self
            .door
            .put(&cx.thread, &[knock::CLIENT], &handles, Until::Now)
        {
            Ok(()) => {}
            Err(QueueError::Memory(error)) => return Err(from_arena(error)),
            Err(_) => return Err(server_gone(self.pid)),
        }
        let old = {
            let mut lines = lines.lines.lock();
            // Lines of threads that have ended, and those that a fork left to the parent.
            let old: Vec<Arc<Line>> = lines
                .extract_if(|(_, owner, generation), _| {
                    let owner = thread::ThreadId::from_number(*owner);
                    *generation != fork::generation()
                        || owner.is_none_or(|owner| thread::find(owner).is_none())
                })
                .map(|(_, line)| line)
                .collect();
            lines.insert(key, line.clone());
            old
        };
        drop(old);
        Ok(line)
    }

    fn forget_line(&self, cx: &Context) {
        let lines = cx.session.extensions.get::<Lines>();
        let key = (
            self.door.handle().serial(),
            cx.thread.id().get(),
            fork::generation(),
        );
        let old = lines.lines.lock().remove(&key);
        drop(old);
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// `BrokenPipeError` when the server is gone, or what an interrupt raises.
    pub fn ask(&self, cx: &mut Context, request: &[u8]) -> Outcome<Vec<u8>> {
        let line = self.line(cx)?;
        let result = self.ask_by(cx, &line, request);
        if result.is_err() {
            // An answer may still come: the next request must not take it for its own.
            self.forget_line(cx);
        }
        result
    }

    fn ask_by(&self, cx: &mut Context, line: &Line, request: &[u8]) -> Outcome<Vec<u8>> {
        match line.requests.put(&cx.thread, request, &[], Until::Now) {
            Ok(()) => {}
            Err(QueueError::Memory(error)) => return Err(from_arena(error)),
            Err(_) => return Err(server_gone(self.pid)),
        }
        let mut message = Message::default();
        loop {
            let until = Until::Deadline(Deadline::after(LOOK));
            match line.answers.get(&cx.thread, &mut message, until) {
                Ok(()) => return Ok(message.bytes),
                Err(QueueError::Empty) if self.is_alive() => {}
                Err(QueueError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                Err(QueueError::Memory(error)) => return Err(from_arena(error)),
                Err(_) => {
                    // Its last answer may have come between the two looks.
                    return match line.answers.get(&cx.thread, &mut message, Until::Now) {
                        Ok(()) => Ok(message.bytes),
                        Err(_) => Err(server_gone(self.pid)),
                    };
                }
            }
        }
    }
}
