"""Copies a tree of files with threads, and checks it with processes."""
import glob
import hashlib
import multiprocessing
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
from os.path import basename, dirname, exists, getsize, isdir, isfile, join, relpath
from queue import Queue


def make_tree(root):
    os.makedirs(join(root, "docs", "old"))
    os.mkdir(join(root, "空"))
    for i in range(8):
        with open(join(root, "docs", "file%02d.txt" % i), "w") as f:
            f.write("line\n" * (i * i))
    with open(join(root, "docs", "old", "data.bin"), "wb") as f:
        f.write(bytes(range(256)) * 10)
    with open(join(root, "run.sh"), "w") as f:
        print("#!/bin/sh", "exit 0", sep="\n", file=f)
    os.chmod(join(root, "run.sh"), 0o750)
    os.symlink("run.sh", join(root, "link"))


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(64), b""):
            h.update(block)
    return h.hexdigest()


def walk_files(root):
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            yield join(folder, name)


class Copier(threading.Thread):
    copied = 0
    lock = threading.Lock()

    def __init__(self, jobs):
        super().__init__()
        self.jobs = jobs
        self.daemon = True
        self.errors = []

    def run(self):
        while True:
            source, target = self.jobs.get()
            try:
                os.makedirs(dirname(target), exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
                with Copier.lock:
                    Copier.copied += 1
            except OSError as e:
                self.errors.append(e)
            finally:
                self.jobs.task_done()


def copy_tree(source, target, threads=3):
    jobs = Queue()
    workers = [Copier(jobs) for _ in range(threads)]
    for w in workers:
        w.start()
    for path in walk_files(source):
        jobs.put((path, join(target, relpath(path, source))))
    jobs.put((join(source, "does not exist"), join(target, "x")))
    jobs.join()
    return [e for w in workers for e in w.errors]


def digests(root):
    files = list(walk_files(root))
    with multiprocessing.Pool(2) as pool:
        return {relpath(f, root): d for f, d in zip(files, pool.map(digest, files))}


def sizes(root):
    """total size by extension"""
    out = {}
    for path in walk_files(root):
        ext = os.path.splitext(path)[1] or "(none)"
        out[ext] = out.get(ext, 0) + os.lstat(path).st_size
    return out


def main():
    base = tempfile.mkdtemp(prefix="tree-")
    source, target = join(base, "source"), join(base, "target")
    try:
        os.mkdir(source)
        make_tree(source)
        errors = copy_tree(source, target)
        print("copied", Copier.copied, "errors", [(type(e).__name__, e.errno, basename(e.filename)) for e in errors])
        a, b = digests(source), digests(target)
        print(a == b, len(a))
        for name in sorted(a)[:3]:
            print(name, a[name][:16])
        print(sizes(target))
        print(oct(stat.S_IMODE(os.stat(join(target, "run.sh")).st_mode)), os.path.islink(join(target, "link")),
              os.readlink(join(target, "link")))
        with open(join(target, "docs", "file03.txt"), "a") as f:
            f.write("changed\n")
        os.remove(join(target, "docs", "file05.txt"))
        shutil.move(join(target, "run.sh"), join(target, "walk.sh"))
        c = digests(target) if not os.path.lexists(join(target, "nothing")) else {}
        print("missing", sorted(set(a) - set(c)), "new", sorted(c.keys() - a.keys()), "changed",
              [k for k in sorted(a.keys() & c.keys()) if a[k] != c[k]])
    except FileNotFoundError as e:
        # the link points to nothing now
        print("broken link:", basename(e.filename), exists(join(target, "link")), os.path.lexists(join(target, "link")))
        os.unlink(join(target, "link"))
        c = digests(target)
        print("missing", sorted(set(a) - set(c)), "new", sorted(c.keys() - a.keys()), "changed",
              [k for k in sorted(a.keys() & c.keys()) if a[k] != c[k]])
    finally:
        before = len(glob.glob(join(base, "**", "*.txt"), recursive=True))
        shutil.rmtree(base)
        print(before, isdir(base))
    print(hashlib.md5(b"conc").hexdigest(), hashlib.new("sha1", "é".encode()).hexdigest()[:10], hashlib.sha512().digest_size)
    for f in (lambda: os.rmdir("/no/such"), lambda: open(base), lambda: os.listdir(base), lambda: open("/", "w")):
        try:
            f()
        except OSError as e:
            print(type(e).__name__, e.errno, e.strerror)


if __name__ == "__main__":
    sys.exit(main())
