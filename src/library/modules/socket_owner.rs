//! Who has the descriptor of a socket: `_socket.Owner`. It must not know what is done with sockets.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::library::{arguments, define, native_object};
use crate::value::Value;
use crate::value::class::Class;
use crate::value::instance::NativeData;
use crate::value::object::Ref;

/// The descriptor of a socket: it is closed when nobody has it any more, as Python closes sockets
/// that were forgotten.
struct Owner {
    fd: AtomicI32,
}

impl NativeData for Owner {}

impl Drop for Owner {
    fn drop(&mut self) {
        let fd = *self.fd.get_mut();
        if fd >= 0 {
            // SAFETY: it is this object's, and nobody closed it.
            unsafe { libc::close(fd) };
        }
    }
}

/// The class.
pub(super) fn owner_class() -> &'static Ref<Class> {
    const NAME: &str = "Owner";
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("_socket.Owner");
        define::static_methods(
            &class,
            &[("__new__", |cx, args| {
                let [_, fd] = arguments::exactly(NAME, args)?;
                let fd = arguments::integer32(cx, fd)?;
                let fd = AtomicI32::new(fd);
                Ok(native_object::instance(owner_class(), Owner { fd }))
            })],
        );
        define::getters(
            &class,
            &[("fd", |_, args| {
                let (owner, _): (&Owner, _) = native_object::receiver(args, NAME, "fd")?;
                Ok(Value::Int(owner.fd.load(Ordering::Relaxed).into()))
            })],
        );
        define::methods(
            &class,
            &[("release", |_, args| {
                let (owner, _): (&Owner, _) = native_object::receiver(args, NAME, "release")?;
                Ok(Value::Int(owner.fd.swap(-1, Ordering::Relaxed).into()))
            })],
        );
        class
    })
}
