import socket
import threading

def handle(conn, addr):
    with conn:
        while True:
            data = conn.recv(1024)
            if not data:
                break
            conn.sendall(b'echo: ' + data)

def serve(sock, n):
    for _ in range(n):
        conn, addr = sock.accept()
        threading.Thread(target=handle, args=(conn, addr)).start()

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', 0))
s.listen()
server = threading.Thread(target=serve, args=(s, 3))
server.start()
for i in range(3):
    with socket.socket() as c:
        c.connect(s.getsockname())
        c.sendall(b'Hello, %d' % i)
        print('Received', repr(c.recv(1024)), c.getpeername() == s.getsockname())
server.join()
s.close()
c = socket.socket()
c.settimeout(0.02)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(('127.0.0.1', 0)); u.settimeout(0.02)
try:
    u.recvfrom(10)
except socket.timeout as e:
    print(type(e).__name__, e)
try:
    c.connect(('127.0.0.1', 1))
except OSError as e:
    print(type(e).__name__)
c.close(); u.close()
print(c)  if 0 else print(c.fileno())
