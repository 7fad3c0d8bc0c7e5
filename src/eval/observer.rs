//! What may watch an evaluation. The evaluator is generic over its observer; the silent one
//! compiles to nothing. It must not know nodes beyond their numbers.

use crate::resolve::tree::NodeId;
use crate::value::Value;

/// Memory that threads can share.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    /// A global variable, by number within its program.
    Global(u32),
    /// A captured variable, by number within its function.
    Captured(u32),
    /// An attribute of an object.
    Attribute(&'a Value, crate::value::name::Name),
    /// An element or key of an object.
    Element(&'a Value),
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is read.
    Read,
    /// It is written.
    Write,
}

/// Watches every access to memory that threads can share, and every call, each with the node
/// that does it. A race detector, a schedule explorer and a tracer are observers.
pub trait Observer: 'static {
    /// A place is read or written.
    #[inline(always)]
    fn access(_place: Place<'_>, _access: Access, _node: NodeId) {}

    /// A native function is called: the only way to synchronise.
    #[inline(always)]
    fn native_call(_callee: &Value, _node: NodeId) {}
}

/// Watches nothing.
pub struct Silent;

impl Observer for Silent {}
