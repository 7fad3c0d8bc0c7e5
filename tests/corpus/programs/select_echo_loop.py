# An event loop with select(): one thread serves many clients.
import select
import socket
import sys
import threading
import types


class Loop(object):
    def __init__(self):
        self.readers = {}
        self.writers = {}
        self.running = False
        self.wake_r, self.wake_w = socket.socketpair()
        self.calls = []
        self.add_reader(self.wake_r, self._woken)

    def add_reader(self, sock, callback, *args):
        self.readers[sock] = (callback, args)

    def remove_reader(self, sock):
        self.readers.pop(sock, None)

    def add_writer(self, sock, callback, *args):
        self.writers[sock] = (callback, args)

    def remove_writer(self, sock):
        self.writers.pop(sock, None)

    def _woken(self):
        self.wake_r.recv(100)
        calls, self.calls = self.calls, []
        for f, args in calls:
            f(*args)

    def call_soon_threadsafe(self, f, *args):
        self.calls.append((f, args))
        self.wake_w.send(b'!')

    def stop(self):
        self.running = False

    def run(self):
        self.running = True
        rounds = 0
        while self.running:
            rounds += 1
            r, w, x = select.select(list(self.readers), list(self.writers), [], 30)
            if not (r or w or x):
                print('timeout?!')
                break
            for sock in r:
                entry = self.readers.get(sock)
                if entry:
                    entry[0](*entry[1])
            for sock in w:
                entry = self.writers.get(sock)
                if entry:
                    entry[0](*entry[1])
        return rounds


class EchoServer(object):
    def __init__(self, loop):
        self.loop = loop
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.bind(('127.0.0.1', 0))
        self.sock.listen(10)
        self.port = self.sock.getsockname()[1]
        self.connections = set()
        self.stats = types.SimpleNamespace(accepted=0, bytes=0, closed=0)
        loop.add_reader(self.sock, self.accept)

    def accept(self):
        conn, addr = self.sock.accept()
        conn.setblocking(0)
        self.stats.accepted += 1
        self.connections.add(Connection(self, conn))

    def close(self):
        self.loop.remove_reader(self.sock)
        self.sock.close()
        self.loop.stop()


class Connection(object):
    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self.out = bytearray()
        server.loop.add_reader(sock, self.readable)

    def readable(self):
        try:
            data = self.sock.recv(4096)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b''
        if not data:
            self.close()
            return
        self.server.stats.bytes += len(data)
        self.out += data.upper()
        self.server.loop.add_writer(self.sock, self.writable)

    def writable(self):
        sent = self.sock.send(self.out)
        del self.out[:sent]
        if not self.out:
            self.server.loop.remove_writer(self.sock)

    def close(self):
        loop = self.server.loop
        loop.remove_reader(self.sock)
        loop.remove_writer(self.sock)
        self.sock.close()
        self.server.stats.closed += 1
        self.server.connections.discard(self)


results = {}


def client(number, port, size):
    s = socket.create_connection(('127.0.0.1', port))
    s.settimeout(30)
    message = (b'client %d says hello. ' % number) * size
    sender = threading.Thread(target=s.sendall, args=(message,))
    sender.start()
    answer = b''
    while len(answer) < len(message):
        piece = s.recv(65536)
        if not piece:
            break
        answer += piece
    sender.join()
    s.shutdown(socket.SHUT_WR)
    rest = s.recv(10)
    s.close()
    results[number] = (len(answer), answer == message.upper(), rest)


def main():
    loop = Loop()
    server = EchoServer(loop)
    clients = [threading.Thread(target=client, args=(i, server.port, 1 + 400 * i)) for i in range(5)]

    def finish():
        for c in clients:
            c.join()
        loop.call_soon_threadsafe(server.close)

    for c in clients:
        c.start()
    closer = threading.Thread(target=finish)
    closer.start()
    rounds = loop.run()
    closer.join()
    for number in sorted(results):
        print('client', number, *results[number])
    stats = server.stats
    print('accepted %d, closed %d, %d bytes' % (stats.accepted, stats.closed, stats.bytes))
    print(rounds > 10, len(server.connections), len(loop.readers), len(loop.writers))
    try:
        server.sock.accept()
    except OSError as e:
        print(type(e).__name__, e)
    print(server.sock.fileno(), select.select([], [], [], 0))
    return 0


if __name__ == '__main__':
    sys.exit(main())
