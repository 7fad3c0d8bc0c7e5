//! The server process of a manager: one thread that opens the door to clients of the same tree of
//! processes, one that accepts connections if it has an address, and one for each thread of a
//! client. What is done with the objects is in `objects`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::client::knock;
use super::objects::{Answer, Client, Objects, Own};
use crate::eval::context::{Context, Entry};
use crate::eval::native_stack::Stacks;
use crate::eval::session::SessionState;
use crate::eval::{abandoned, interrupt};
use crate::library::modules::multiprocessing::child;
use crate::library::modules::multiprocessing::connection::ConnectionObject;
use crate::library::modules::multiprocessing::connection::address::{Address, Family, Listening};
use crate::library::modules::multiprocessing::connection::authentication::{
    answer_challenge, deliver_challenge,
};
use crate::library::modules::multiprocessing::process::own_pid;
use crate::runtime::blocking::sleep_until;
use crate::runtime::clock::Deadline;
use crate::runtime::leaf_lock::LeafLock;
use crate::runtime::native_stack::lowest_address;
use crate::runtime::shared_queue::{Message, QueueError, SharedQueue};
use crate::runtime::shared_wait::Until;
use crate::runtime::slot::{self, SlotId};
use crate::runtime::thread::{ThreadHandle, spawn};
use crate::value::exception::{ExceptionKind, runtime_error};
use crate::value::{Outcome, Value, reclaim};

/// How often a thread that waits looks whether anybody is left to wait for.
const LOOK: Duration = Duration::from_millis(100);

/// How long one who connects has to prove that it has the key.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// How long a server that is to end waits for answers that are under way, and how often it looks.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
const LAST_LOOK: Duration = Duration::from_millis(1);

/// Connections that the system keeps until they are accepted.
pub const BACKLOG: i32 = 128;

/// Native stack of a thread; of which only what is used becomes memory.
#[cfg(debug_assertions)]
const STACK: usize = 64 << 20;
#[cfg(not(debug_assertions))]
const STACK: usize = 8 << 20;

/// What is asked of the server: the first part of a request.
pub mod request {
    /// `(CALL, object, method, args, kwargs)`.
    pub const CALL: i64 = 0;
    /// `(CREATE, kind, args, kwargs)`: what stands for the object.
    pub const CREATE: i64 = 1;
    /// `(COPY, object)`: the object itself.
    pub const COPY: i64 = 2;
    /// `(PIN, object, claim)`: keep it until somebody claims it.
    pub const PIN: i64 = 3;
    /// `(CLAIM, object, claim)`: this client has a proxy for it now; 0 for no claim.
    pub const CLAIM: i64 = 4;
    /// `(METHODS, object)`: what of it can be called.
    pub const METHODS: i64 = 5;
    /// `(NUMBER_OF_OBJECTS,)`.
    pub const NUMBER_OF_OBJECTS: i64 = 6;
    /// `(DEBUG_INFO,)`.
    pub const DEBUG_INFO: i64 = 7;
    /// `(PING,)`: nothing.
    pub const PING: i64 = 8;
    /// `(TRACK_SEGMENT, name)`: unlink it when the server ends.
    pub const TRACK_SEGMENT: i64 = 9;
    /// `(LIST_SEGMENTS,)`.
    pub const LIST_SEGMENTS: i64 = 10;
    /// `(LISTEN,)`: an address at which it can be reached from elsewhere.
    pub const LISTEN: i64 = 11;
}

/// The last byte of an answer.
pub mod answer {
    /// A value.
    pub const VALUE: u8 = 0;
    /// An exception that the object raised, with its traceback.
    pub const EXCEPTION: u8 = 1;
    /// What stands for an object.
    pub const PROXY: u8 = 2;
    /// An exception of the server's, with its traceback.
    pub const REMOTE_ERROR: u8 = 3;
    /// The same, because a result cannot travel.
    pub const UNSENDABLE: u8 = 4;
}

/// What is said over a connection beside requests and answers.
pub mod far {
    /// What both sides say first, when each knows that the other has the key; with the number of
    /// the client, and of the server. The last byte is the version.
    pub const HELLO: &[u8] = b"conc manager 1";
    /// No hello is longer.
    pub const MOST_HELLO: usize = 64;
    /// The first byte of a message that names objects of which a client has dropped proxies. No
    /// request begins so.
    pub const DROPPED: u8 = 0xff;
}

/// How the acceptors of a session's server are found.
#[derive(Default)]
pub struct Acceptors {
    listening: LeafLock<Vec<Arc<Listening>>>,
    key: LeafLock<Vec<u8>>,
}

/// What a server process begins with.
pub struct Begin {
    /// Its door for clients of the same tree.
    pub door: SharedQueue,
    /// Its objects: none yet.
    pub objects: Arc<Objects>,
    /// Where it listens.
    pub listening: Option<Listening>,
    /// The key of connections.
    pub key: Vec<u8>,
    /// What is called first.
    pub initializer: (Value, Value),
}

/// The whole life of the server; its exit code.
pub fn serve(cx: &mut Context, object: &Value, begin: Begin) -> i32 {
    let (initializer, initargs) = begin.initializer.clone();
    let outcome = match initializer {
        Value::None => Ok(Value::None),
        initializer => child::call(cx, &initializer, &initargs, &Value::None),
    };
    let objects = begin.objects.clone();
    let outcome = outcome.and_then(|_| run(cx, begin));
    let code = child::end_code(cx, object, &outcome);
    super::unlink_segments(&objects);
    // The files of its sockets go with it.
    let listening = std::mem::take(&mut *cx.session.extensions.get::<Acceptors>().listening.lock());
    drop(listening);
    code
}

fn run(cx: &mut Context, begin: Begin) -> Outcome<Value> {
    let handle = begin.door.handle();
    let slot = slot::current().map_or(0, SlotId::tag);
    let near = (slot, handle.object(), handle.serial(), own_pid());
    begin.objects.set_near(near);
    Own::set(cx, &begin.objects);
    let acceptors = cx.session.extensions.get::<Acceptors>();
    *acceptors.key.lock() = begin.key;
    if let Some(listening) = begin.listening {
        listening.adopt();
        start_accepting(cx, &begin.objects, listening)?;
    }
    open_door(cx, &begin.door, &begin.objects)
}

/// Has a thread accept connections from now on.
///
/// # Errors
/// That no thread could be had.
pub fn start_accepting(
    cx: &mut Context,
    objects: &Arc<Objects>,
    listening: Listening,
) -> Outcome<Arc<Listening>> {
    let acceptors = cx.session.extensions.get::<Acceptors>();
    let listening = Arc::new(listening);
    objects.set_address(listening.address().clone());
    acceptors.listening.lock().push(listening.clone());
    let key = acceptors.key.lock().clone();
    accept_with(cx, objects, &listening, key)?;
    Ok(listening)
}

/// The same, with a key.
///
/// # Errors
/// That no thread could be had.
pub fn accept_with(
    cx: &mut Context,
    objects: &Arc<Objects>,
    listening: &Arc<Listening>,
    key: Vec<u8>,
) -> Outcome<()> {
    let (there, objects) = (Arc::downgrade(listening), objects.clone());
    start_thread(cx, move |cx| {
        loop {
            let Some(listening) = there.upgrade() else {
                return Ok(());
            };
            match listening.accept(cx) {
                Ok((fd, _)) => {
                    drop(listening);
                    let connection = ConnectionObject::over(fd);
                    let (objects, key) = (objects.clone(), key.clone());
                    // One that cannot be served is closed.
                    let _ = start_thread(cx, move |cx| attend_far(cx, &objects, &connection, &key));
                }
                Err(raised) if raised.exception().is_none() => return Err(raised),
                Err(_) if listening.is_closed() => return Ok(()),
                // No descriptor left, for example: others may close theirs.
                Err(_) => pause(cx)?,
            }
        }
    })
}

fn pause(cx: &mut Context) -> Outcome<()> {
    match sleep_until(&cx.thread, Deadline::after(LOOK)) {
        Ok(()) => Ok(()),
        Err(_) => interrupt::at_safepoint(cx),
    }
}

/// Opens a further address, for clients that are not of this tree of processes.
///
/// # Errors
/// `OSError`.
pub fn listen_too(cx: &mut Context, objects: &Arc<Objects>) -> Outcome<Value> {
    let acceptors = cx.session.extensions.get::<Acceptors>();
    let known = acceptors
        .listening
        .lock()
        .first()
        .map(|listening| listening.address().clone());
    if let Some(known) = known {
        return Ok(known.value());
    }
    let address = Address::arbitrary(Family::Local)?;
    let listening = Listening::at(cx, &address, BACKLOG)?;
    let listening = start_accepting(cx, objects, listening)?;
    Ok(listening.address().value())
}

fn open_door(cx: &mut Context, door: &SharedQueue, objects: &Arc<Objects>) -> Outcome<Value> {
    // SAFETY: no arguments.
    let owner = unsafe { libc::getppid() };
    // SAFETY: no arguments.
    let is_orphan = || unsafe { libc::getppid() } != owner;
    let mut message = Message::default();
    let mut swept = Deadline::after(LOOK);
    loop {
        if swept.has_passed() {
            let begun = Deadline::now();
            objects.sweep();
            reclaim::expedite();
            // However many there are, looking at them takes a small part of the time.
            let spent = begun.elapsed();
            swept = Deadline::after(LOOK.max(spent * 20));
        }
        let until = Until::Deadline(Deadline::after(LOOK));
        let idle = (cx.thread.looking(), cx.thread.serving());
        let got = door.get(&cx.thread, &mut message, until);
        drop(idle);
        match got {
            Ok(()) => {}
            Err(QueueError::Empty) if is_orphan() => return Ok(Value::None),
            Err(QueueError::Empty) => continue,
            Err(QueueError::Interrupted(_)) => {
                interrupt::at_safepoint(cx)?;
                continue;
            }
            // The manager object is gone: only who is already in may go on.
            Err(QueueError::Closed) => {
                if is_orphan() || objects.clients.load(Ordering::SeqCst) == 0 {
                    return Ok(Value::None);
                }
                pause(cx)?;
                continue;
            }
            Err(_) => return Ok(Value::None),
        }
        match message.bytes.first() {
            Some(&knock::CLIENT) => let_in(cx, objects, &mut message)?,
            Some(&knock::STOP) => {
                finish_answers(cx, objects)?;
                return Ok(Value::None);
            }
            None => return Ok(Value::None),
            Some(_) => {}
        }
    }
}

/// Before the end: what is about to be answered is answered, within reason. Who stops the server because of
/// a deadlock may be quicker than the others in it, and they are to hear of it as well.
fn finish_answers(cx: &mut Context, objects: &Objects) -> Outcome<()> {
    let deadline = Deadline::after(LAST_ANSWERS);
    while !objects.is_at_rest() && !deadline.has_passed() {
        if sleep_until(&cx.thread, Deadline::after(LAST_LOOK)).is_err() {
            interrupt::at_safepoint(cx)?;
        }
    }
    Ok(())
}

/// Starts the thread for a client.
fn let_in(cx: &mut Context, objects: &Arc<Objects>, message: &mut Message) -> Outcome<()> {
    let mut queues = message
        .handles
        .drain(..)
        .filter_map(SharedQueue::from_handle);
    let (Some(requests), Some(answers)) = (queues.next(), queues.next()) else {
        return Ok(());
    };
    drop(queues);
    objects.clients.fetch_add(1, Ordering::SeqCst);
    let there = objects.clone();
    let started = start_thread(cx, move |cx| {
        let outcome = attend_near(cx, &there, &requests, &answers);
        there.clients.fetch_sub(1, Ordering::SeqCst);
        outcome
    });
    if started.is_err() {
        objects.clients.fetch_sub(1, Ordering::SeqCst);
    }
    started
}

/// A thread of the server.
struct Attendant {
    session: Arc<SessionState>,
    entry: Entry,
}

fn start_thread(
    cx: &mut Context,
    work: impl FnOnce(&mut Context) -> Outcome<()> + Send + 'static,
) -> Outcome<()> {
    let attendant = Attendant {
        session: cx.session.clone(),
        entry: cx.entry(),
    };
    match spawn(&cx.thread, "manager", STACK, move |handle| {
        attendant.run(handle, work)
    }) {
        Ok(_) => Ok(()),
        Err(_) => Err(runtime_error("can't start new thread")),
    }
}

impl Attendant {
    fn run(self, handle: &ThreadHandle, work: impl FnOnce(&mut Context) -> Outcome<()>) {
        abandoned::set_current_thread(Some(handle.clone()));
        let mut cx = Context::new(
            handle.clone(),
            self.session.clone(),
            self.entry,
            Stacks::beside(lowest_address()),
        );
        // A stop is the only thing that ends it early, and it ends the process too.
        let _ = work(&mut cx);
        drop(cx);
        abandoned::set_current_thread(None);
        drop(self);
        reclaim::hand_over();
    }
}

fn attend_near(
    cx: &mut Context,
    objects: &Arc<Objects>,
    requests: &SharedQueue,
    answers: &SharedQueue,
) -> Outcome<()> {
    let mut message = Message::default();
    loop {
        let until = Until::Deadline(Deadline::after(LOOK));
        let idle = (cx.thread.looking(), cx.thread.serving());
        let got = requests.get(&cx.thread, &mut message, until);
        drop(idle);
        match got {
            Ok(()) => {}
            // Nobody else names the queue: the client is gone.
            Err(QueueError::Empty) if requests.handle().references() <= 1 => {
                return Ok(());
            }
            Err(QueueError::Empty) => {
                reclaim::expedite();
                continue;
            }
            Err(QueueError::Interrupted(_)) => {
                interrupt::at_safepoint(cx)?;
                continue;
            }
            Err(_) => return Ok(()),
        }
        let _under_way = objects.begin_request(&cx.thread);
        let Answer { bytes, handles, .. } = &objects.answer(cx, Client::Near, &message.bytes)?;
        loop {
            match answers.put(&cx.thread, bytes, handles, Until::Forever) {
                Ok(()) => break,
                Err(QueueError::Interrupted(_)) => interrupt::at_safepoint(cx)?,
                Err(_) => return Ok(()),
            }
        }
    }
}

fn attend_far(
    cx: &mut Context,
    objects: &Arc<Objects>,
    connection: &ConnectionObject,
    key: &[u8],
) -> Outcome<()> {
    let Some(client) = only_stops(greet(cx, objects, connection, key))? else {
        return Ok(());
    };
    objects.clients.fetch_add(1, Ordering::SeqCst);
    objects.connected(client);
    let outcome = answer_far(cx, objects, connection, client);
    objects.disconnected(client);
    objects.clients.fetch_sub(1, Ordering::SeqCst);
    only_stops(outcome).map(drop)
}

/// What goes wrong with a connection ends the connection.
fn only_stops<T>(outcome: Outcome<T>) -> Outcome<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(raised) if raised.exception().is_some() => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// Lets one in who has the key; its number.
fn greet(
    cx: &mut Context,
    objects: &Objects,
    connection: &ConnectionObject,
    key: &[u8],
) -> Outcome<u64> {
    let deadline = Some(Deadline::after(HANDSHAKE));
    deliver_challenge(cx, connection, key, deadline)?;
    answer_challenge(cx, connection, key, deadline)?;
    let hello = connection.read_message_until(cx, Some(far::MOST_HELLO), deadline)?;
    let client = hello
        .strip_prefix(far::HELLO)
        .and_then(|rest| rest.try_into().ok());
    let Some(client) = client else {
        return Err(runtime_error("no client of a manager"));
    };
    let mut answer = far::HELLO.to_vec();
    answer.extend_from_slice(&objects.identity.to_le_bytes());
    connection.write_message(cx, &answer)?;
    Ok(u64::from_le_bytes(client))
}

fn answer_far(
    cx: &mut Context,
    objects: &Arc<Objects>,
    connection: &ConnectionObject,
    client: u64,
) -> Outcome<()> {
    loop {
        reclaim::expedite();
        let request = match connection.read_message(cx, None) {
            Err(raised) if raised.is(ExceptionKind::EOFError) => return Ok(()),
            request => request?,
        };
        if request.first() == Some(&far::DROPPED) {
            let numbers = request[1..].as_chunks::<8>().0.iter();
            objects.dropped(client, numbers.map(|number| u64::from_le_bytes(*number)));
            continue;
        }
        let _under_way = objects.begin_request(&cx.thread);
        let answer = objects.answer(cx, Client::Far(client), &request)?;
        connection.write_message(cx, &answer.bytes)?;
    }
}
