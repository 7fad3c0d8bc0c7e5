"""Crawler for a tiny web that is served by this same program on localhost."""
import re
import socket
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait, FIRST_COMPLETED
from urllib.parse import urljoin, urlparse

PAGES = {
    "/": ("Home", ["/about", "/blog/", "/contact"]),
    "/about": ("About us", ["/", "/team"]),
    "/team": ("Team", ["/about", "/team/ann", "/team/bob", "mailto:team@example.org"]),
    "/team/ann": ("Ann", ["bob"]),
    "/team/bob": ("Bob", ["ann", "../missing"]),
    "/blog/": ("Blog", ["1", "2", "3"]),
    "/blog/1": ("First post", ["2", "#top"]),
    "/blog/2": ("Second post", ["1", "3?comments=1"]),
    "/blog/3": ("Third & last post", ["/blog/", "http://elsewhere.example/"]),
    "/contact": ("Contact", []),
}


class Server(threading.Thread):
    """Answers GET requests, one thread for each connection."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.host, self.port = self.socket.getsockname()
        self.requests = 0
        self.lock = threading.Lock()

    def run(self):
        while True:
            try:
                connection, _address = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                data = connection.recv(1024)
                if not data:
                    return
                request += data
            with self.lock:
                self.requests += 1
            method, path, version = request.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            path = path.partition("?")[0]
            if path in PAGES:
                title, links = PAGES[path]
                body = "<html><title>%s</title>" % title.replace("&", "&amp;")
                body += "".join('<a href="%s">link</a>' % link for link in links)
                status = "200 OK"
            else:
                body, status = "<title>Not found</title>", "404 Not Found"
            body = body.encode("utf-8")
            head = f"{version} {status}\r\nContent-Length: {len(body)}\r\nContent-Type: text/html\r\n\r\n"
            connection.sendall(head.encode() + body)


def get(url):
    parts = urlparse(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as s:
        path = parts.path or "/"
        if parts.query:
            path += "?" + parts.query
        s.sendall(b"GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" % (path.encode(), parts.netloc.encode()))
        with s.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            headers = {}
            for line in iter(stream.readline, b"\r\n"):
                key, _, value = line.decode().partition(":")
                headers[key.lower()] = value.strip()
            return status, stream.read(int(headers["content-length"])).decode()


class Crawler:
    LINK = re.compile(r'<a\s+href="([^"]*)"', re.I)
    TITLE = re.compile(r"<title>(?P<title>.*?)</title>")

    def __init__(self, root, workers=4):
        self.root = root
        self.site = urlparse(root).netloc
        self.workers = workers
        self.seen = {root}
        self.titles = {}
        self.errors = {}
        self.external = set()

    def visit(self, url):
        status, body = get(url)
        title = self.TITLE.search(body).group("title").replace("&amp;", "&")
        links = [urljoin(url, link) for link in self.LINK.findall(body)]
        return url, status, title, links

    def crawl(self):
        with ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="crawler") as pool:
            running = {pool.submit(self.visit, self.root)}
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    url, status, title, links = future.result()
                    if status != 200:
                        self.errors[url] = status
                        continue
                    self.titles[url] = title
                    for link in links:
                        link = link.partition("#")[0]
                        if urlparse(link).netloc != self.site:
                            self.external.add(link)
                        elif link not in self.seen:
                            self.seen.add(link)
                            running.add(pool.submit(self.visit, link))


def main():
    server = Server()
    server.start()
    root = f"http://{server.host}:{server.port}/"
    crawler = Crawler(root)
    crawler.crawl()

    def short(url):
        return url[len(root) - 1:]

    for url in sorted(crawler.titles, key=short):
        print("%-24s %s" % (short(url), crawler.titles[url]))
    print("errors:", {short(u): s for u, s in crawler.errors.items()})
    print("external:", sorted(crawler.external))
    print("requests:", server.requests, "of", len(crawler.seen), "urls")

    # how far is each page from the root?
    distance, todo = {"/": 0}, deque(["/"])
    while todo:
        path = todo.popleft()
        for link in PAGES[path][1]:
            target = urlparse(urljoin(root + path[1:], link)).path
            if target in PAGES and target not in distance:
                distance[target] = distance[path] + 1
                todo.append(target)
    print(sorted(distance.items(), key=lambda item: (item[1], item[0])))
    server.socket.close()


if __name__ == "__main__":
    main()
