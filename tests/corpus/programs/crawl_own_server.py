# Threads that fetch pages of a server of their own.
import http.server, threading, urllib.request, urllib.parse, urllib.error, json, queue
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith('/err'): self.send_error(404, 'nope'); return
        body = json.dumps({'path': self.path, 'q': urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)}).encode()
        self.send_response(200); self.send_header('Content-Type', 'application/json'); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):
        n = int(self.headers['Content-Length']); data = self.rfile.read(n); self.send_response(201); self.end_headers(); self.wfile.write(data[::-1])
    def log_message(self, *a): pass
srv = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H); threading.Thread(target=srv.serve_forever, daemon=True).start()
base = 'http://127.0.0.1:%d' % srv.server_port
def fetch(q, out):
    while True:
        try: u = q.get_nowait()
        except queue.Empty: return
        try:
            with urllib.request.urlopen(u, timeout=5) as r: out.append((u[len(base):], r.status, r.headers['Content-Type'], json.loads(r.read())['q']))
        except urllib.error.HTTPError as e: out.append((u[len(base):], e.code, e.reason))
        finally: q.task_done()
q = queue.Queue(); out = []
for p in ('/a?x=1', '/b?y=2&y=3', '/err', '/c'): q.put(base + p)
ts = [threading.Thread(target=fetch, args=(q, out)) for _ in range(3)]
[t.start() for t in ts]; q.join(); [t.join() for t in ts]
for o in sorted(out): print(o)
r = urllib.request.urlopen(urllib.request.Request(base + '/p', data=b'hello', headers={'X-A': 'b'})); print(r.status, r.read(), r.geturl() == base + '/p')
try: urllib.request.urlopen('http://127.0.0.1:1/')
except urllib.error.URLError as e: print(type(e.reason).__name__, e)
print(urllib.parse.quote('a b/ü'), urllib.parse.urlencode({'a': 1, 'b': 'x y'}), urllib.parse.urljoin('http://a/b/c', '../d'), urllib.parse.urlsplit('http://u:p@h:80/p;x?q#f'))
srv.shutdown()
