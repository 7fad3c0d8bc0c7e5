//! The handshake of connections with a key: each side proves to the other that it has the key, by
//! an HMAC of what the other made up, before anything of it is believed. The bytes are those of
//! CPython's protocol, so the two can talk. It must not know what a connection is for.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};

use super::ConnectionObject;
use crate::eval::context::Context;
use crate::library::modules::multiprocessing::errors::{errors, raise};
use crate::library::modules::multiprocessing::random_bytes;
use crate::runtime::clock::Deadline;
use crate::value::exception::{Raised, value_error};
use crate::value::{Outcome, Value, text};

const CHALLENGE: &[u8] = b"#CHALLENGE#";
const WELCOME: &[u8] = b"#WELCOME#";
const FAILURE: &[u8] = b"#FAILURE#";

/// Bytes made up for a challenge.
const MADE_UP: usize = 40;

/// The shortest challenge that is answered.
const SHORTEST: usize = 20;

/// No message of the handshake is longer.
const MOST: usize = 256;

#[cold]
fn refused(message: impl Into<String>) -> Raised {
    raise(&errors().authentication, Some(message.into()))
}

/// Makes the other side prove that it has the key.
///
/// # Errors
/// `AuthenticationError` when it has not, or those of the connection.
pub fn deliver_challenge(
    cx: &mut Context,
    connection: &ConnectionObject,
    key: &[u8],
    deadline: Option<Deadline>,
) -> Outcome<()> {
    let mut message = b"{sha256}".to_vec();
    message.extend(random_bytes(MADE_UP));
    let mut challenge = CHALLENGE.to_vec();
    challenge.extend(&message);
    connection.write_message(cx, &challenge)?;
    let response = connection.read_message_until(cx, Some(MOST), deadline)?;
    match verify(cx, key, &message, &response) {
        Ok(()) => connection.write_message(cx, WELCOME),
        Err(raised) => {
            // It may be gone already, which changes nothing.
            let _ = connection.write_message(cx, FAILURE);
            Err(raised)
        }
    }
}

/// Proves to the other side that this one has the key.
///
/// # Errors
/// `AuthenticationError` when the other side does not think so, or those of the connection.
pub fn answer_challenge(
    cx: &mut Context,
    connection: &ConnectionObject,
    key: &[u8],
    deadline: Option<Deadline>,
) -> Outcome<()> {
    let message = connection.read_message_until(cx, Some(MOST), deadline)?;
    let Some(challenge) = message.strip_prefix(CHALLENGE) else {
        let shown = shown(cx, &message)?;
        return Err(refused(format!(
            "Protocol error, expected challenge: message={shown}"
        )));
    };
    if challenge.len() < SHORTEST {
        return Err(refused(format!(
            "challenge too short: {} bytes",
            challenge.len()
        )));
    }
    let (digest, _) = digest_of(cx, challenge)?;
    let mut response = format!("{{{}}}", digest.name()).into_bytes();
    response.extend(digest.code(key, challenge)?);
    connection.write_message(cx, &response)?;
    let verdict = connection.read_message_until(cx, Some(MOST), deadline)?;
    match verdict == WELCOME {
        true => Ok(()),
        false => Err(refused("digest sent was rejected")),
    }
}

fn shown(cx: &mut Context, bytes: &[u8]) -> Outcome<String> {
    text::repr(cx, &Value::bytes(bytes))
}

/// The functions that both sides may agree on.
#[derive(Clone, Copy)]
enum Digest {
    Sha256,
    Sha384,
}

impl Digest {
    fn name(self) -> &'static str {
        match self {
            Digest::Sha256 => "sha256",
            Digest::Sha384 => "sha384",
        }
    }

    fn length(self) -> usize {
        match self {
            Digest::Sha256 => 32,
            Digest::Sha384 => 48,
        }
    }

    /// The code of a message.
    fn code(self, key: &[u8], message: &[u8]) -> Outcome<Vec<u8>> {
        // Keys may have any length, so this never happens.
        let bad_key = |_| value_error("the key cannot be used");
        Ok(match self {
            Digest::Sha256 => {
                let mut code = Hmac::<Sha256>::new_from_slice(key).map_err(bad_key)?;
                code.update(message);
                code.finalize().into_bytes().to_vec()
            }
            Digest::Sha384 => {
                let mut code = Hmac::<Sha384>::new_from_slice(key).map_err(bad_key)?;
                code.update(message);
                code.finalize().into_bytes().to_vec()
            }
        })
    }

    /// Whether a code is that of a message; how long that takes says nothing about it.
    fn accepts(self, key: &[u8], message: &[u8], code: &[u8]) -> bool {
        match self {
            Digest::Sha256 => Hmac::<Sha256>::new_from_slice(key).is_ok_and(|mut own| {
                own.update(message);
                own.verify_slice(code).is_ok()
            }),
            Digest::Sha384 => Hmac::<Sha384>::new_from_slice(key).is_ok_and(|mut own| {
                own.update(message);
                own.verify_slice(code).is_ok()
            }),
        }
    }
}

/// The function that a message names at its begin, and what follows.
fn digest_of<'a>(cx: &mut Context, message: &'a [u8]) -> Outcome<(Digest, &'a [u8])> {
    for digest in [Digest::Sha256, Digest::Sha384] {
        let name = format!("{{{}}}", digest.name());
        if let Some(rest) = message.strip_prefix(name.as_bytes()) {
            return Ok((digest, rest));
        }
    }
    let shown = shown(cx, message)?;
    Err(refused(format!(
        "unsupported message length, missing digest prefix, or unsupported digest: message={shown}"
    )))
}

fn verify(cx: &mut Context, key: &[u8], message: &[u8], response: &[u8]) -> Outcome<()> {
    let (digest, code) = digest_of(cx, response)?;
    if code.len() != digest.length() {
        return Err(refused(format!(
            "expected '{}' of length {} got {}",
            digest.name(),
            digest.length(),
            code.len()
        )));
    }
    match digest.accepts(key, message, code) {
        true => Ok(()),
        false => Err(refused("digest received was wrong")),
    }
}
