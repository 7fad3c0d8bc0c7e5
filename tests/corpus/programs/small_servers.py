# Servers of sockets, datagrams and selectors, each asked once.
import socket, threading, socketserver, selectors, time
class H(socketserver.BaseRequestHandler):
    def handle(self):
        data = self.request.recv(1024); self.request.sendall(b'%s|' % threading.current_thread().name.split('-')[0].encode() + data.upper())
class S(socketserver.ThreadingMixIn, socketserver.TCPServer): daemon_threads = True; allow_reuse_address = True
with S(('127.0.0.1', 0), H) as srv:
    t = threading.Thread(target=srv.serve_forever, daemon=True); t.start()
    for m in (b'one', b'two'):
        with socket.create_connection(srv.server_address, timeout=5) as c: c.sendall(m); print(c.recv(100))
    srv.shutdown()
class L(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(line[::-1].strip() + b'\n')
with socketserver.TCPServer(('localhost', 0), L) as srv:
    threading.Thread(target=srv.handle_request).start()
    s = socket.socket(); s.connect(srv.server_address); f = s.makefile('rw'); f.write('abc\ndef\n'); f.flush(); s.shutdown(socket.SHUT_WR); print(f.read().split()); s.close()
sel = selectors.DefaultSelector(); a, b = socket.socketpair(); sel.register(a, selectors.EVENT_READ, data='A'); b.send(b'hi')
for key, mask in sel.select(1): print(key.data, mask, key.fileobj.recv(10))
print(sel.select(0.01), len(sel.get_map())); sel.unregister(a); sel.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0)); u2 = socket.socket(type=socket.SOCK_DGRAM); u2.sendto(b'dgram', u.getsockname()); print(u.recvfrom(10)[0])
u.settimeout(0.05)
try: u.recv(1)
except socket.timeout as e: print(repr(e), e)
try: socket.create_connection(('127.0.0.1', 1), timeout=1)
except ConnectionRefusedError as e: print(e)
print(socket.gethostbyname('localhost'), socket.AF_INET, socket.SOCK_STREAM, socket.inet_aton('1.2.3.4'), socket.htons(80), a.type, repr(a)[:14])
a.setblocking(False)
try: a.recv(1)
except BlockingIOError as e: print(e)
