"""Key-value store over TCP: one thread with selectors serves everybody, frames have a length in front."""
import collections
import json
import selectors
import socket
import struct
import sys
import threading
import time

HEADER = struct.Struct(">I")
Request = collections.namedtuple("Request", "op key value", defaults=(None, None))


class ProtocolError(Exception):
    pass


class Session:
    """What is known of one connection."""
    MAX = 1 << 16

    def __init__(self, sock, peer):
        self.sock, self.peer = sock, peer
        self.inbox, self.outbox = bytearray(), bytearray()

    def feed(self, data):
        self.inbox += data
        while len(self.inbox) >= HEADER.size:
            (length,) = HEADER.unpack_from(self.inbox)
            if length > self.MAX:
                raise ProtocolError("frame of %d bytes" % length)
            if len(self.inbox) < HEADER.size + length:
                return
            frame = bytes(self.inbox[HEADER.size:HEADER.size + length])
            del self.inbox[:HEADER.size + length]
            yield json.loads(frame)

    def answer(self, **message):
        body = json.dumps(message, separators=(",", ":"), sort_keys=True).encode()
        self.outbox += HEADER.pack(len(body)) + body


class Store(threading.Thread):
    def __init__(self):
        super().__init__(name="store")
        self.data, self.stats = {}, collections.Counter()
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.address = self.listener.getsockname()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.sessions = set()
        self.stopping = False

    def run(self):
        while not self.stopping or any(s.outbox for s in self.sessions):
            for key, mask in self.selector.select(timeout=5):
                callback = key.data
                callback(key.fileobj, mask)
        for session in list(self.sessions):
            self.close(session)
        self.selector.unregister(self.listener)
        self.listener.close()
        self.selector.close()

    def accept(self, listener, mask):
        sock, peer = listener.accept()
        sock.setblocking(False)
        session = Session(sock, peer)
        self.sessions.add(session)
        self.selector.register(sock, selectors.EVENT_READ, lambda s, m: self.serve(session, m))
        self.stats["connections"] += 1

    def close(self, session):
        self.selector.unregister(session.sock)
        session.sock.close()
        self.sessions.discard(session)

    def serve(self, session, mask):
        try:
            if mask & selectors.EVENT_READ:
                data = session.sock.recv(512)
                if not data:
                    return self.close(session)
                for message in session.feed(data):
                    self.handle(session, message)
            if mask & selectors.EVENT_WRITE and session.outbox:
                sent = session.sock.send(session.outbox)
                del session.outbox[:sent]
        except (ProtocolError, ConnectionError) as e:
            self.stats[type(e).__name__] += 1
            return self.close(session)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.outbox else 0)
        self.selector.modify(session.sock, events, self.selector.get_key(session.sock).data)

    def handle(self, session, message):
        try:
            r = Request(**message)
            self.stats[r.op] += 1
            method = getattr(self, "do_" + str(r.op), None)
            if method is None:
                raise ValueError(f"unknown operation {r.op!r}")
            session.answer(ok=True, value=method(r))
        except (ValueError, TypeError, KeyError) as e:
            session.answer(ok=False, error=f"{type(e).__name__}: {e}")

    def do_get(self, r):
        return self.data[r.key]

    def do_set(self, r):
        old, self.data[r.key] = self.data.get(r.key), r.value
        return old

    def do_add(self, r):
        self.data[r.key] = self.data.get(r.key, 0) + (r.value or 1)
        return self.data[r.key]

    def do_keys(self, r):
        return sorted(self.data)

    def do_stop(self, r):
        self.stopping = True


class Client:
    def __init__(self, address):
        self.sock = socket.socket()
        self.sock.settimeout(20)
        self.sock.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.sock.close()

    def receive(self, n):
        data = bytearray(n)
        view, got = memoryview(data), 0
        while got < n:
            k = self.sock.recv_into(view[got:])
            if k == 0:
                raise EOFError("server closed the connection")
            got += k
        return data

    def __call__(self, op, key=None, value=None, **more):
        body = json.dumps({"op": op, "key": key, "value": value, **more}).encode()
        self.sock.sendall(HEADER.pack(len(body)))
        self.sock.sendall(body)
        (n,) = HEADER.unpack(self.receive(HEADER.size))
        return json.loads(self.receive(n))


def main():
    store = Store()
    store.start()
    with Client(store.address) as c:
        print(c("set", "a", 1), c("get", "a"), c("set", "a", [1, {"b": None}]))
        print(c("get", "zzz"), c("fly"), c("get", "a", colour="red"))
        print(len(c("set", "long", "x" * 5000)), len(c("get", "long")["value"]))

    def hammer(n):
        with Client(store.address) as c:
            for _ in range(25):
                c("add", "counter")
            c("set", "client-%d" % n, n)

    threads = [threading.Thread(target=hammer, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    with Client(store.address) as c:
        print(c("get", "counter"), c("keys")["value"])
        with Client(store.address) as rude:
            rude.sock.sendall(HEADER.pack(1 << 30))
            try:
                rude.receive(1)
            except (EOFError, ConnectionResetError) as e:
                print("thrown out")
        print(c("stop"))
    store.join()
    print(sorted(store.stats.items()), store.is_alive(), len(store.sessions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
