//! The way from a client to a manager's server. In the tree of processes in which the server was
//! started, it is a door in shared memory, behind which a thread of the server waits for each
//! thread of a client, and two queues between these two. From elsewhere it is a connection for each
//! thread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::server::{far, request};
use crate::eval::context::Context;
use crate::eval::extensions::Part;
use crate::eval::interrupt;
use crate::library::exceptions::os_error_saying;
use crate::library::message::{self, Parcel};
use crate::library::modules::multiprocessing::child::shared;
use crate::library::modules::multiprocessing::connection::ConnectionObject;
use crate::library::modules::multiprocessing::connection::address::{Address, connect};
use crate::library::modules::multiprocessing::connection::authentication::{
    answer_challenge, deliver_challenge,
};
use crate::library::modules::multiprocessing::errors::{errors, from_arena, raise};
use crate::library::modules::multiprocessing::process::{code_text, own_pid as pid, wait_for};
use crate::library::modules::multiprocessing::random_bytes;
use crate::runtime::clock::Deadline;
use crate::runtime::handle::Handle;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::process::Child;
use crate::runtime::shared_queue::{Message, QueueError, SharedQueue};
use crate::runtime::shared_wait::Until;
use crate::runtime::slot::{self, SlotId};
use crate::runtime::{fork, thread};
use crate::value::exception::{ExceptionKind, Raised, value_error};
use crate::value::{Outcome, Value};

/// How often one who waits for an answer looks whether the server lives.
const LOOK: Duration = Duration::from_millis(100);

/// So long may pass between the moment a process is known to be gone and its exit code.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// What comes through the door.
pub mod knock {
    /// A client, with its two queues.
    pub const CLIENT: u8 = 0;
    /// The server is to end.
    pub const STOP: u8 = 1;
}

/// A manager's server, as its clients know it.
pub struct Server {
    /// A number that no other server has, anywhere.
    identity: u64,
    way: Way,
    /// What it surely knows.
    receiver: message::Receiver,
    /// Where it can be reached from elsewhere.
    address: LeafLock<Option<Address>>,
    lines: LeafLock<HashMap<LineKey, Arc<Line>>>,
}

enum Way {
    Near {
        door: SharedQueue,
        slot: Option<SlotId>,
        pid: i32,
        /// The process that started it; 0 where that is another.
        owner: i32,
        /// The server as a child, where it is one.
        child: Option<Child>,
    },
    Far {
        address: Address,
        key: Vec<u8>,
        /// Objects of which this process has dropped its last proxies, and how often; told with
        /// the next request.
        dropped: LeafLock<Vec<u64>>,
    },
}

/// The thread, and how many forks away from the program's start.
type LineKey = (u64, u32);

/// The way of one thread.
enum Line {
    Near {
        requests: SharedQueue,
        answers: SharedQueue,
    },
    Far(ConnectionObject),
}

/// The servers that a session's proxies speak to.
#[derive(Default)]
pub struct Servers {
    known: LeafLock<Vec<Weak<Server>>>,
    /// Keys by address, as managers were given them.
    keys: LeafLock<HashMap<Address, Vec<u8>>>,
    /// This process's name among the clients of servers elsewhere, and the fork it belongs to.
    client: AtomicU64,
    client_generation: AtomicU64,
}

/// Where the server of a tree of processes is: slot, door, the door's number and process.
pub type Near = (u32, u64, u64, i32);

/// What a message says of a server.
pub struct Place {
    /// Its number.
    pub identity: u64,
    /// Where it is, if it is of a tree of processes.
    pub near: Option<Near>,
    /// Its address.
    pub address: Option<Address>,
}

/// A number that nobody else makes up.
pub fn random_number() -> u64 {
    let bytes = random_bytes(8).try_into().unwrap_or_default();
    u64::from_le_bytes(bytes)
}

impl Servers {
    /// Those of a session.
    pub fn of(cx: &Context) -> Part<Servers> {
        cx.session.extensions.get::<Servers>()
    }

    fn find(&self, test: impl Fn(&Server) -> bool) -> Option<Arc<Server>> {
        let known = self.known.lock();
        let living = known.iter().filter_map(Weak::upgrade);
        // Dropped after the lock, should it be the last.
        let living: Vec<Arc<Server>> = living.collect();
        drop(known);
        living.into_iter().find(|server| test(server))
    }

    fn add(&self, server: Server) -> Arc<Server> {
        let server = Arc::new(server);
        let mut known = self.known.lock();
        known.retain(|server| server.strong_count() > 0);
        known.push(Arc::downgrade(&server));
        server
    }

    /// Notes with which key an address is entered.
    pub fn add_key(&self, address: Address, key: Vec<u8>) {
        self.keys.lock().insert(address, key);
    }

    /// The key for an address, if a manager here has one.
    pub fn key(&self, address: &Address) -> Option<Vec<u8>> {
        self.keys.lock().get(address).cloned()
    }

    /// This process's name among the clients of servers elsewhere.
    fn client(&self) -> u64 {
        let generation = u64::from(fork::generation()) + 1;
        if self.client_generation.swap(generation, Ordering::SeqCst) != generation {
            self.client.store(random_number(), Ordering::SeqCst);
        }
        self.client.load(Ordering::SeqCst)
    }

    /// In a child: closes what belongs to the parent's threads.
    pub fn entered_child(&self) {
        let known = self.find_all();
        for server in known {
            let lines = std::mem::take(&mut *server.lines.lock());
            drop(lines);
        }
    }

    fn find_all(&self) -> Vec<Arc<Server>> {
        let known = self.known.lock();
        known.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Server {
    /// The server that was just started.
    pub fn started(
        cx: &Context,
        identity: u64,
        door: SharedQueue,
        child: &Child,
        receiver: message::Receiver,
        address: Option<Address>,
    ) -> Arc<Server> {
        Servers::of(cx).add(Server {
            identity,
            way: Way::Near {
                door,
                slot: child.slot(),
                pid: child.pid(),
                owner: pid(),
                child: Some(child.clone()),
            },
            receiver,
            address: LeafLock::new(address),
            lines: LeafLock::default(),
        })
    }

    /// The server at an address.
    ///
    /// # Errors
    /// That nobody is there, or does not accept the key.
    pub fn at(cx: &mut Context, address: &Address, key: &[u8]) -> Outcome<Arc<Server>> {
        let servers = Servers::of(cx);
        servers.add_key(address.clone(), key.to_vec());
        let known = servers.find(|server| match &server.way {
            Way::Far {
                address: known,
                key: known_key,
                ..
            } => known == address && known_key == key,
            Way::Near { .. } => false,
        });
        if let Some(server) = known {
            return Ok(server);
        }
        let mut server = Server {
            identity: 0,
            way: Way::Far {
                address: address.clone(),
                key: key.to_vec(),
                dropped: LeafLock::default(),
            },
            receiver: message::Receiver::default(),
            address: LeafLock::new(Some(address.clone())),
            lines: LeafLock::default(),
        };
        let (line, identity) = reach(cx, address, key)?;
        server.identity = identity;
        let line_key = (cx.thread.id().get(), fork::generation());
        server
            .lines
            .lock()
            .insert(line_key, Arc::new(Line::Far(line)));
        Ok(servers.add(server))
    }

    /// The server that a message names.
    ///
    /// # Errors
    /// `BrokenPipeError` when it is gone, or that it cannot be reached.
    pub fn found(cx: &mut Context, place: &Place) -> Outcome<Arc<Server>> {
        let servers = Servers::of(cx);
        if let Some(server) = servers.find(|server| server.identity == place.identity) {
            return Ok(server);
        }
        if let Some((slot, door, serial, pid)) = place.near {
            let slot = SlotId::from_tag(slot);
            let door = match slot {
                Some(slot) if slot::is_alive(slot) => Handle::find(door, serial),
                _ => None,
            };
            if let Some(door) = door.and_then(SharedQueue::from_handle) {
                return Ok(servers.add(Server {
                    identity: place.identity,
                    way: Way::Near {
                        door,
                        slot,
                        pid,
                        owner: 0,
                        child: None,
                    },
                    receiver: message::Receiver::default(),
                    address: LeafLock::new(place.address.clone()),
                    lines: LeafLock::default(),
                }));
            }
            if place.address.is_none() {
                return Err(server_gone(&process_text(pid)));
            }
        }
        let Some(address) = &place.address else {
            return Err(server_gone("the manager's server has ended"));
        };
        let key = match servers.key(address) {
            Some(key) => key,
            None => super::own_key(cx)?,
        };
        Server::at(cx, address, &key)
    }

    /// What a message says of it.
    pub fn place(&self) -> Place {
        Place {
            identity: self.identity,
            near: match &self.way {
                Way::Near {
                    door, slot, pid, ..
                } => {
                    let handle = door.handle();
                    let slot = slot.map_or(0, SlotId::tag);
                    Some((slot, handle.object(), handle.serial(), *pid))
                }
                Way::Far { .. } => None,
            },
            address: self.address(),
        }
    }

    /// Whether it shares memory with this process.
    pub fn is_near(&self) -> bool {
        matches!(self.way, Way::Near { .. })
    }

    /// Where it can be reached from elsewhere, if it can.
    pub fn address(&self) -> Option<Address> {
        self.address.lock().clone()
    }

    /// Notes that it can be reached there from now on.
    pub fn set_address(&self, address: Address) {
        let old = self.address.lock().replace(address);
        drop(old);
    }

    /// The error of a request that the server does not answer any more, and what is known of its end.
    #[cold]
    fn gone(&self, cx: &mut Context) -> Raised {
        let Way::Near { pid, child, .. } = &self.way else {
            return server_gone("the manager's server has ended");
        };
        let mut text = process_text(*pid);
        if let Some(child) = child.as_ref().filter(|child| child.is_own()) {
            match wait_for(cx, child, Some(Deadline::after(LAST_BREATH))) {
                Ok(Some(status)) => {
                    let code = status.exit_code();
                    text.push_str(&match code {
                        0.. => format!(" with exit code {code}"),
                        _ => format!(" by signal {}", code_text(code).trim_start_matches('-')),
                    });
                }
                Ok(None) => {}
                Err(raised) => return raised,
            }
        }
        server_gone(&text)
    }

    /// An error of the way to a server elsewhere: that it is gone is said in so many words.
    #[cold]
    fn far_away(&self, raised: Raised) -> Raised {
        let Way::Far { address, .. } = &self.way else {
            return raised;
        };
        let code = match () {
            () if raised.is(ExceptionKind::EOFError) => libc::EPIPE,
            () if raised.is(ExceptionKind::BrokenPipeError) => libc::EPIPE,
            () if raised.is(ExceptionKind::ConnectionResetError) => libc::ECONNRESET,
            () if raised.is(ExceptionKind::ConnectionRefusedError) => libc::ECONNREFUSED,
            () => return raised,
        };
        os_error_saying(code, &format!("the manager's server at {address} is gone"))
    }

    fn is_alive(&self) -> bool {
        match &self.way {
            Way::Near { slot, .. } => slot.is_some_and(slot::is_alive),
            Way::Far { .. } => true,
        }
    }

    /// Asks it to end.
    pub fn stop(&self, cx: &mut Context) {
        if let Way::Near { door, .. } = &self.way {
            // If there is no memory even for this, a signal follows.
            let _ = door.put(&cx.thread, &[knock::STOP], &[], Until::Now);
        }
    }

    /// Says that the manager object is gone.
    pub fn let_go(&self) {
        // A child that has a copy of the manager is not its owner.
        if let Way::Near { door, owner, .. } = &self.way
            && *owner == pid()
        {
            door.close(false);
        }
    }

    /// Says that this process has one proxy less for an object of a server elsewhere.
    pub fn drop_later(&self, number: u64) {
        if let Way::Far { dropped, .. } = &self.way {
            dropped.lock().push(number);
        }
    }

    fn line(&self, cx: &mut Context) -> Outcome<Arc<Line>> {
        let key = (cx.thread.id().get(), fork::generation());
        let known = self.lines.lock().get(&key).cloned();
        if let Some(line) = known {
            return Ok(line);
        }
        let line = Arc::new(match &self.way {
            Way::Near { door, .. } => self.knock(cx, door)?,
            Way::Far { address, key, .. } => {
                let reached = reach(cx, address, key);
                let (connection, identity) = reached.map_err(|raised| self.far_away(raised))?;
                if self.identity != identity {
                    return Err(other_server());
                }
                Line::Far(connection)
            }
        });
        let old = {
            let mut lines = self.lines.lock();
            // Lines of threads that have ended, and those that a fork left to the parent.
            let old: Vec<Arc<Line>> = lines
                .extract_if(|(owner, generation), _| {
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

    fn knock(&self, cx: &mut Context, door: &SharedQueue) -> Outcome<Line> {
        let requests = shared(SharedQueue::new(None))?;
        let answers = shared(SharedQueue::new(None))?;
        let handles = [requests.handle().clone(), answers.handle().clone()];
        match door.put(&cx.thread, &[knock::CLIENT], &handles, Until::Now) {
            Ok(()) => Ok(Line::Near { requests, answers }),
            Err(QueueError::Memory(error)) => Err(from_arena(error)),
            Err(_) => Err(self.gone(cx)),
        }
    }

    fn forget_line(&self, cx: &Context) {
        let key = (cx.thread.id().get(), fork::generation());
        let old = self.lines.lock().remove(&key);
        drop(old);
    }

    /// Sends a request and gives the answer to `read`, which gets the bytes while the objects are
    /// held that go with them.
    ///
    /// # Errors
    /// `BrokenPipeError` when the server is gone, what an interrupt raises, or what `read` does.
    pub fn ask<R>(
        &self,
        cx: &mut Context,
        request: &Value,
        read: impl FnOnce(&mut Context, &[u8]) -> Outcome<R>,
    ) -> Outcome<R> {
        let mut parcel = Parcel {
            destination: super::proxy::to_server(self.identity, self.is_near()),
            ..Parcel::default()
        };
        let bytes = message::encode_into(cx, request, self.receiver, &mut parcel)?;
        let line = self.line(cx)?;
        let answer = match &*line {
            Line::Near { requests, answers } => {
                self.ask_near(cx, (requests, answers), &bytes, &parcel.handles)
            }
            Line::Far(connection) => self.ask_far(cx, connection, &bytes),
        };
        if answer.is_err() {
            // An answer may still come: the next request must not take it for its own.
            self.forget_line(cx);
        }
        let answer = answer?;
        read(cx, &answer.bytes)
    }

    fn ask_near(
        &self,
        cx: &mut Context,
        (requests, answers): (&SharedQueue, &SharedQueue),
        request: &[u8],
        handles: &[Handle],
    ) -> Outcome<Message> {
        match requests.put(&cx.thread, request, handles, Until::Now) {
            Ok(()) => {}
            Err(QueueError::Memory(error)) => return Err(from_arena(error)),
            Err(_) => return Err(self.gone(cx)),
        }
        let mut message = Message::default();
        cx.note_place();
        // The server does it in this thread's name, and is told if it can never be done.
        let _asking = (cx.thread.looking(), cx.thread.asking());
        loop {
            let until = Until::Deadline(Deadline::after(LOOK));
            match answers.get(&cx.thread, &mut message, until) {
                Ok(()) => return Ok(message),
                Err(QueueError::Empty) if self.is_alive() => {}
                Err(QueueError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                Err(QueueError::Memory(error)) => return Err(from_arena(error)),
                Err(_) => {
                    // Its last answer may have come between the two looks.
                    return match answers.get(&cx.thread, &mut message, Until::Now) {
                        Ok(()) => Ok(message),
                        Err(_) => Err(self.gone(cx)),
                    };
                }
            }
        }
    }

    fn ask_far(
        &self,
        cx: &mut Context,
        connection: &ConnectionObject,
        request: &[u8],
    ) -> Outcome<Message> {
        let dropped = match &self.way {
            Way::Far { dropped, .. } => std::mem::take(&mut *dropped.lock()),
            Way::Near { .. } => Vec::new(),
        };
        if !dropped.is_empty() {
            let mut told = vec![far::DROPPED];
            for number in dropped {
                told.extend_from_slice(&number.to_le_bytes());
            }
            let wrote = connection.write_message(cx, &told);
            wrote.map_err(|raised| self.far_away(raised))?;
        }
        let wrote = connection.write_message(cx, request);
        wrote.map_err(|raised| self.far_away(raised))?;
        match connection.read_message(cx, None) {
            Ok(bytes) => Ok(Message {
                bytes,
                handles: Vec::new(),
            }),
            Err(raised) => Err(self.far_away(raised)),
        }
    }
}

#[cold]
fn other_server() -> Raised {
    server_gone("another manager's server listens at this address now")
}

/// The error of a manager whose server is gone, with what is known of it.
#[cold]
fn server_gone(text: &str) -> Raised {
    os_error_saying(libc::EPIPE, text)
}

fn process_text(pid: i32) -> String {
    format!("the manager's server process (pid {pid}) has ended")
}

/// A connection to a server at an address, and the server's number.
fn reach(cx: &mut Context, address: &Address, key: &[u8]) -> Outcome<(ConnectionObject, u64)> {
    let connection = ConnectionObject::over(connect(cx, address)?);
    answer_challenge(cx, &connection, key, None)?;
    deliver_challenge(cx, &connection, key, None)?;
    let mut hello = far::HELLO.to_vec();
    hello.extend_from_slice(&Servers::of(cx).client().to_le_bytes());
    connection.write_message(cx, &hello)?;
    let answer = match connection.read_message(cx, Some(far::MOST_HELLO)) {
        Err(raised) if raised.is(ExceptionKind::EOFError) => Vec::new(),
        answer => answer?,
    };
    let identity = answer
        .strip_prefix(far::HELLO)
        .and_then(|rest| rest.try_into().ok());
    match identity {
        Some(identity) => Ok((connection, u64::from_le_bytes(identity))),
        None => Err(raise(
            &errors().process,
            Some("what listens at this address is no manager that speaks this protocol".to_owned()),
        )),
    }
}

/// Asks a server, with a tuple of what is asked.
///
/// # Errors
/// As [`Server::ask`], and those that the answer brings.
pub fn ask_value(cx: &mut Context, server: &Server, parts: Vec<Value>) -> Outcome<Value> {
    let asked = Value::tuple(parts);
    server.ask(cx, &asked, |cx, answer| {
        let Some((kind, body)) = answer.split_last() else {
            return Err(value_error("a manager's answer is damaged"));
        };
        let value = message::decode(cx, body)?;
        super::proxy::read_answer(*kind, value)
    })
}

/// Asks a server to keep an object until the one who gets this number says that he has it.
///
/// # Errors
/// As [`Server::ask`].
pub fn pin(cx: &mut Context, server: &Server, number: u64) -> Outcome<u64> {
    let claim = random_number() >> 1;
    let parts = vec![
        Value::Int(request::PIN),
        Value::Int(number as i64),
        Value::Int(claim as i64),
    ];
    ask_value(cx, server, parts)?;
    Ok(claim)
}
