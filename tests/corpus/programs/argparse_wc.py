#!/usr/bin/env python3
# args: -l -w --jobs 3 --sort words count
"""wc with threads and sub-commands."""
import argparse
import contextlib
import io
import os
import pathlib
import shutil
import sys
import tempfile
import textwrap
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

Counts = namedtuple("Counts", "lines words bytes name")

SAMPLES = {
    "poem.txt": "roses are red\nviolets are blue\n\nthreads run ahead\nlocks hold them too\n",
    "empty.txt": "",
    "sub/one.txt": "no newline at the end",
    "sub/多.txt": "你好 世界\n",
    "sub/skip.bin": "binary\0\n",
}


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def build_parser():
    p = argparse.ArgumentParser(
        prog="twc", description=textwrap.dedent("""\
            Counts lines, words and bytes.
            With several threads."""),
        formatter_class=argparse.RawDescriptionHelpFormatter, epilog="That is all.")
    p.add_argument("-l", "--lines", action="store_true", help="show lines")
    p.add_argument("-w", "--words", action="store_true", help="show words")
    p.add_argument("-b", "--bytes", action="store_true", help="show bytes")
    p.add_argument("-j", "--jobs", type=positive, default=2, metavar="N", help="threads (default: %(default)s)")
    group = p.add_mutually_exclusive_group()
    group.add_argument("--sort", choices=Counts._fields, default="name")
    group.add_argument("--unsorted", dest="sort", action="store_const", const=None)
    p.add_argument("--version", action="version", version="%(prog)s 1.0")
    commands = p.add_subparsers(dest="command", title="commands")
    count = commands.add_parser("count", help="count files")
    count.add_argument("patterns", nargs="*", default=["**/*.txt"])
    top = commands.add_parser("top", help="the longest")
    top.add_argument("n", nargs="?", type=int, default=1)
    top.set_defaults(action="top")
    return p


def count_file(path, root):
    data = path.read_bytes()
    text = data.decode("utf-8", "replace")
    return Counts(data.count(b"\n"), len(text.split()), len(data), path.relative_to(root).as_posix())


def find(root, patterns):
    seen = set()
    for pattern in patterns:
        for path in root.glob(pattern):
            if path.is_file() and path not in seen:
                seen.add(path)
                yield path


def table(rows, columns):
    widths = [max(len(str(getattr(row, c))) for row in rows) for c in columns]
    for row in rows:
        print(" ".join(str(getattr(row, c)).rjust(w) for c, w in zip(columns, widths)), row.name)


def run(options, root):
    patterns = getattr(options, "patterns", ["**/*.txt"])
    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda path: count_file(path, root), find(root, patterns)))
    if not rows:
        print("nothing found", file=sys.stderr)
        return 1
    if options.sort:
        rows.sort(key=lambda row: (getattr(row, options.sort), row.name))
    if getattr(options, "action", None) == "top":
        for row in sorted(rows, key=lambda r: -r.bytes)[:options.n]:
            print(row)
        return 0
    columns = [c for c in ("lines", "words", "bytes") if getattr(options, c)] or ["lines", "words", "bytes"]
    total = Counts(*(sum(column) for column in list(zip(*rows))[:3]), "total")
    table(rows + [total], columns)
    return 0


def attempt(parser, *words):
    err, out = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
            options = parser.parse_args(words)
        print(words, "->", {k: v for k, v in sorted(vars(options).items()) if v not in (None, False)})
    except SystemExit as e:
        text = (err.getvalue() + out.getvalue()).strip().splitlines()
        print(words, "exit", e.code, "|", text[-1])


def main(argv=None):
    parser = build_parser()
    options = parser.parse_args(argv)
    root = pathlib.Path(tempfile.mkdtemp())
    try:
        for name, text in SAMPLES.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        status = run(options, root)
        print(run(parser.parse_args(["--unsorted", "count", "*.txt", "poem.*"]), root) in (0, 1))
        run(parser.parse_args(["top", "2"]), root)
        print(run(parser.parse_args(["count", "*.none"]), root))
        print(sorted(p.name for p in root.iterdir()), (root / "sub").is_dir(), (root / "poem.txt").stat().st_size)
        print((root / "a" / ".." / "b.tar.gz").suffixes, (root / "x.py").with_suffix(".conc").name, (root / "poem.txt").stem)
    finally:
        shutil.rmtree(root)
    print(root.exists())
    for words in (["-j", "0", "count"], ["-j", "x"], ["--sort", "size"], ["--sort", "words", "--unsorted"], ["dance"],
                  ["--version"], ["top", "3"], ["-lwb", "--jobs=7"], ["count", "a", "b"], ["--no-such"], ["top", "many"]):
        attempt(parser, *words)
    print(parser.format_usage())
    parser.print_help()
    return status


if __name__ == "__main__":
    sys.exit(main())
