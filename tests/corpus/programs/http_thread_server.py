"""A small HTTP server with routes, on socketserver; clients are threads."""
import json
import socket
import socketserver
import threading
import time
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit


class HTTPError(Exception):
    reasons = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}

    def __init__(self, status, detail=""):
        super().__init__(status, detail)
        self.status, self.detail = status, detail


class Router:
    def __init__(self):
        self.routes = []

    def route(self, path, methods=("GET",)):
        parts = path.strip("/").split("/")

        def register(function):
            self.routes.append((parts, set(methods), function))
            return function
        return register

    def find(self, method, path):
        wanted = path.strip("/").split("/")
        allowed = False
        for parts, methods, function in self.routes:
            if len(parts) != len(wanted):
                continue
            arguments = {}
            for part, word in zip(parts, wanted):
                if part.startswith("<") and part.endswith(">"):
                    name, _, kind = part[1:-1].partition(":")
                    try:
                        arguments[name] = {"int": int, "": str}[kind](unquote(word))
                    except ValueError:
                        break
                elif part != word:
                    break
            else:
                if method in methods:
                    return function, arguments
                allowed = True
        raise HTTPError(405 if allowed else 404, path)


app = Router()
notes, notes_lock, next_id = {}, threading.Lock(), iter(range(1, 1000))


@app.route("/")
def index(request):
    return "welcome to the notes"


@app.route("/notes", methods=["GET", "POST"])
def all_notes(request):
    if request.method == "POST":
        if not request.body:
            raise HTTPError(400, "empty note")
        data = json.loads(request.body)
        with notes_lock:
            number = next(next_id)
            notes[number] = data
        return {"id": number}
    wanted = request.query.get("word", [""])[0]
    return sorted(n["text"] for n in notes.values() if wanted in n["text"])


@app.route("/notes/<number:int>", methods={"GET", "DELETE"})
def one_note(request, number):
    try:
        return notes.pop(number) if request.method == "DELETE" else notes[number]
    except KeyError:
        raise HTTPError(404, f"note {number}") from None


@app.route("/echo/<text>")
def echo(request, text):
    return {"text": text, "agent": request.headers.get("user-agent", "?")}


@app.route("/divide/<a:int>/<b:int>")
def divide(request, a, b):
    return a // b


class Handler(socketserver.StreamRequestHandler):
    timeout = 20

    def handle(self):
        self.method, target, _version = self.rfile.readline().decode("latin-1").split()
        self.headers = {}
        while (line := self.rfile.readline().strip()):
            name, value = line.decode("latin-1").split(":", 1)
            self.headers[name.strip().lower()] = value.strip()
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urlsplit(target)
        self.query = parse_qs(url.query)
        try:
            function, arguments = app.find(self.method, url.path)
            status, answer = 200, function(self, **arguments)
        except HTTPError as e:
            status, answer = e.status, {"error": e.detail}
        except Exception as e:
            status, answer = 500, {"error": f"{type(e).__name__}: {e}"}
        reason = "OK" if status == 200 else HTTPError.reasons[status]
        body = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        body = body.encode()
        self.wfile.write(f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        self.wfile.write(body)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 20


def request(address, method, path, data=None, **headers):
    body = b"" if data is None else json.dumps(data).encode("utf-8")
    lines = [f"{method} {path} HTTP/1.1", "Host: %s:%d" % address, f"Content-Length: {len(body)}"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    with socket.create_connection(address, 20) as s:
        s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = b"".join(iter(lambda: s.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n")[0].split(b" ", 1)[1].decode()
    return status, body.decode()


def main():
    with Server(("127.0.0.1", 0), Handler) as server:
        address = server.server_address
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            print(*request(address, "GET", "/"))
            texts = ["buy milk", "call Zoë", "read more", "milk the cow"]
            posters = [threading.Thread(target=request, args=(address, "POST", "/notes", {"text": t})) for t in texts]
            for p in posters:
                p.start()
            for p in posters:
                p.join()
            print(*request(address, "GET", "/notes"))
            print(*request(address, "GET", "/notes?" + urlencode({"word": "milk", "x": "a b&c"})))
            print(*request(address, "GET", "/echo/" + quote("a/b ü?", safe=""), User_Agent="tiny/1.0"))
            print(*request(address, "DELETE", "/notes/1")[:1], len(notes))
            for method, path in (("GET", "/notes/77"), ("DELETE", "/"), ("GET", "/no/such"), ("GET", "/notes/abc"),
                                 ("POST", "/notes"), ("GET", "/divide/7/2"), ("GET", "/divide/7/0")):
                print(method, path, "->", *request(address, method, path))
            print(request(address, "POST", "/notes", None))
        finally:
            server.shutdown()
            thread.join()
    try:
        socket.create_connection(address, timeout=1).close()
        print("still there")
    except ConnectionRefusedError as e:
        print("closed:", e.strerror)


if __name__ == "__main__":
    main()
