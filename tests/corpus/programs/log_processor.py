# args: --workers 3 --top 2 --level WARNING
"""Counts what is in a log, with several processes.  Makes its own log first."""
import argparse
import collections
import json
import multiprocessing as mp
import os
import re
import sys
import tempfile
from datetime import datetime, timedelta

LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]
LINE = re.compile(
    r"""^(?P<when>\S+\ \S+)\s+      # date and time
        \[(?P<level>[A-Z]+)\]\s+
        (?P<module>[\w.]+):\s+
        (?P<text>.*)$""",
    re.VERBOSE,
)


def make_log(path, lines):
    start = datetime(2024, 2, 28, 23, 50, 0)
    modules = ["web.server", "web.auth", "db", "mail.queue"]
    with open(path, "w", encoding="utf-8") as f:
        for i in range(lines):
            when = start + timedelta(seconds=7 * i)
            level = LEVELS[(i * i + i // 3) % 4]
            module = modules[(i * 5 + i // 7) % 4]
            if i % 50 == 49:
                f.write("garbage line without any form\n")
                continue
            f.write(f"{when:%Y/%m/%d %H:%M:%S} [{level}] {module}: request {i} took {i % 17} ms\n")


def split(path, parts):
    """(start, end) offsets of about equal parts, each ending at the end of a line"""
    size = os.path.getsize(path)
    borders = [0]
    with open(path, "rb") as f:
        for n in range(1, parts):
            f.seek(size * n // parts)
            f.readline()
            borders.append(f.tell())
    borders.append(size)
    return list(zip(borders, borders[1:]))


def analyse(job):
    path, start, end = job
    levels, modules = collections.Counter(), collections.Counter()
    slowest = (-1, "")
    bad = 0
    days = set()
    with open(path, "rb") as f:
        f.seek(start)
        data = f.read(end - start)
    for line in data.decode("utf-8").splitlines():
        m = LINE.match(line)
        if not m:
            bad += 1
            continue
        levels[m["level"]] += 1
        modules[m.group("module")] += 1
        when = datetime.strptime(m["when"], "%Y/%m/%d %H:%M:%S")
        days.add(when.date())
        took = int(re.search(r"took (\d+) ms", m["text"])[1])
        slowest = max(slowest, (took, m["text"]))
    return {"levels": levels, "modules": modules, "slowest": slowest, "bad": bad, "days": days}


def merge(results):
    total = {"levels": collections.Counter(), "modules": collections.Counter(), "slowest": (-1, ""), "bad": 0, "days": set()}
    for result in results:
        for key in ("levels", "modules"):
            total[key].update(result[key])
        total["slowest"] = max(total["slowest"], result["slowest"])
        total["bad"] += result["bad"]
        total["days"] |= result["days"]
    return total


def parse_args(argv=None):
    parser = argparse.ArgumentParser(prog="logstat", description="log statistics")
    parser.add_argument("file", nargs="?", help="the log; made up if missing")
    parser.add_argument("-w", "--workers", type=int, default=2, metavar="N")
    parser.add_argument("--top", type=int, default=3)
    parser.add_argument("--level", choices=LEVELS, default="DEBUG")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("-v", "--verbose", action="count", default=0)
    return parser.parse_args(argv)


def main():
    options = parse_args()
    print(options.workers, options.top, options.level, options.json, options.verbose, options.file)
    fd, path = tempfile.mkstemp(suffix=".log")
    os.close(fd)
    try:
        make_log(path, 400)
        jobs = [(path, *part) for part in split(path, options.workers)]
        with mp.Pool(options.workers) as pool:
            results = pool.map(analyse, jobs)
        total = merge(results)
    finally:
        os.remove(path)
    minimum = LEVELS.index(options.level)
    for level, count in sorted(total["levels"].items(), key=lambda x: LEVELS.index(x[0])):
        if LEVELS.index(level) >= minimum:
            print(f"{level:>8}: {count:4d} {'#' * (count // 10)}")
    print("top modules:", total["modules"].most_common(options.top))
    print("slowest: %s ms (%s)" % total["slowest"])
    print("bad lines:", total["bad"], "days:", ", ".join(day.strftime("%d %b %Y") for day in sorted(total["days"])))
    print(json.dumps({k: total["levels"][k] for k in sorted(total["levels"])}, indent=2))
    print(len(results) == options.workers, sum(sum(r["levels"].values()) for r in results))
    assert not os.path.exists(path)
    try:
        parse_args(["--level", "LOUD"])
    except SystemExit as e:
        print("argparse left with", e.code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
