"""Chat room: a server with one thread per client, clients that are threads too.

The clients talk in turn, so that what everybody sees is the same each time.
"""
import socket
import threading
import time

HOST = 'localhost'
ENCODING = 'utf8'


def send_line(sock, text):
    sock.sendall((text + '\n').encode(ENCODING))


class ChatServer:
    def __init__(self):
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((HOST, 0))
        self.listener.listen(5)
        self.address = self.listener.getsockname()
        self.clients = {}
        self.lock = threading.Lock()
        self.log = []
        self.thread = threading.Thread(target=self.accept_loop, name='accept')
        self.handlers = []

    def start(self):
        self.thread.start()

    def accept_loop(self):
        while True:
            try:
                sock, addr = self.listener.accept()
            except OSError:
                break
            t = threading.Thread(target=self.handle, args=(sock, addr))
            t.start()
            self.handlers.append(t)

    def broadcast(self, text, but=None):
        with self.lock:
            self.log.append(text)
            for name, sock in self.clients.items():
                if name != but:
                    send_line(sock, text)

    def handle(self, sock, addr):
        reader = sock.makefile('r', encoding=ENCODING)
        name = None
        try:
            for line in reader:
                line = line.rstrip('\n')
                command, _, rest = line.partition(' ')
                if command == '/nick':
                    with self.lock:
                        if rest in self.clients:
                            send_line(sock, '! name is taken: ' + rest)
                            continue
                        name = rest
                        self.clients[name] = sock
                    self.broadcast('* %s joined' % name)
                elif command == '/who':
                    with self.lock:
                        names = ', '.join(sorted(self.clients))
                    send_line(sock, '# ' + names)
                elif command == '/msg':
                    to, _, text = rest.partition(' ')
                    with self.lock:
                        target = self.clients.get(to)
                    if target is None:
                        send_line(sock, '! nobody is called ' + to)
                    else:
                        send_line(target, '[%s] %s' % (name, text))
                elif command == '/quit':
                    break
                elif command.startswith('/'):
                    send_line(sock, '! unknown command ' + command)
                else:
                    self.broadcast('%s: %s' % (name, line))
        finally:
            if name:
                with self.lock:
                    del self.clients[name]
                self.broadcast('* %s left' % name)
            reader.close()
            sock.close()

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join()
        for t in self.handlers:
            t.join()


class ChatClient:
    def __init__(self, address, name):
        self.name = name
        self.sock = socket.create_connection(address)
        self.sock.settimeout(20)
        self.lines = []
        self.changed = threading.Condition()
        self.receiver = threading.Thread(target=self.receive)
        self.receiver.daemon = True
        self.receiver.start()
        self.say('/nick ' + name)

    def receive(self):
        buffer = b''
        while True:
            data = self.sock.recv(16)
            if not data:
                break
            buffer += data
            while b'\n' in buffer:
                line, buffer = buffer.split(b'\n', 1)
                with self.changed:
                    self.lines.append(line.decode(ENCODING))
                    self.changed.notify_all()

    def say(self, text):
        send_line(self.sock, text)

    def expect(self, text):
        with self.changed:
            if not self.changed.wait_for(lambda: text in self.lines, timeout=20):
                raise AssertionError('%s never saw %r' % (self.name, text))

    def close(self):
        self.say('/quit')
        self.receiver.join()
        self.sock.close()


server = ChatServer()
server.start()

anna = ChatClient(server.address, 'anna')
anna.expect('* anna joined')
bert = ChatClient(server.address, 'bert')
anna.expect('* bert joined')
小明 = ChatClient(server.address, '小明')
for c in (anna, bert, 小明):
    c.expect('* 小明 joined')

thief = socket.create_connection(server.address)
send_line(thief, '/nick anna')
with thief, thief.makefile('r', encoding=ENCODING) as answers:
    print('thief sees:', answers.readline().strip())

talk = [(anna, 'hello'), (bert, 'hi, anna'), (小明, '你们好'), (anna, 'is that Chinese? très bien')]
for who, what in talk:
    who.say(what)
    for c in (anna, bert, 小明):
        c.expect('%s: %s' % (who.name, what))

bert.say('/msg 小明 psst')
小明.expect('[bert] psst')
bert.say('/msg nobody psst')
bert.expect('! nobody is called nobody')
anna.say('/who')
anna.expect('# anna, bert, 小明')
anna.say('/dance')
anna.expect('! unknown command /dance')

bert.close()
anna.expect('* bert left')
小明.expect('* bert left')
小明.close()
anna.expect('* 小明 left')
anna.close()
server.stop()

for c in (anna, bert, 小明):
    print('---- ' + c.name)
    print(*c.lines, sep='\n')
print('---- log')
for line in server.log:
    print(line)
print(server.clients, threading.active_count())
