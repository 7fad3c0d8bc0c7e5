#!/usr/bin/env python3
"""Runs scripts under conc and under CPython, and says where they differ.

    differential.py [--conc FILE] [--python FILE] [--timeout SECONDS] [--runs N] [--jobs N] [--terminal | --pipe]
                    [--verbose] SCRIPT_OR_FOLDER ...
    differential.py --record [--python FILE] [--runs N] FOLDER

Each run has a session, a working folder and a time limit of its own; what is left of the session when the script has
ended or run out of time is killed. Standard output is compared after what may differ from run to run is made alike:
process ids, addresses, thread identifiers, times. For each script it says one of

    same        the same lines and the same status
    reordered   the same lines in another order, from parts that run at once
    wavers      CPython itself differs from run to run, and conc is within what it does
    differs     other lines
    status      the same lines, another status
    fails       an error of conc's own where CPython has none
    hangs       conc does not end where CPython does
    reports     CPython does not end; conc does
    both hang   neither ends

followed by the first difference, grouped by cause. `--terminal` and `--pipe` choose where the output goes; without
either each script runs both ways. A line `# stdin: TEXT` in a script is a line of its input, `# args: WORD` an
argument; `# order: any` says that the lines' order is chance even where CPython happens to repeat it. The status of this tool is 1 if a script differs, has another status, fails or hangs.

`--record` writes what CPython prints, made alike in this way, to `SCRIPT.expected` beside each script: a line with the
status and whether the order of the lines is always the same (`ordered` or `any order`), then the lines. Scripts whose
lines CPython does not print again in a second run are named and left out.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOOD = ("same", "reordered", "wavers", "reports", "both hang")

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
DATE = re.compile(r"\d{4}-\d\d-\d\d|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d")
CLOCK = re.compile(r"\d{1,2}:\d\d:\d\d([.,]\d+)?( \d{4})?")
EXPONENT = re.compile(r"-?\d+(\.\d+)?e[-+]?\d+")
FRACTION = re.compile(r"\d+\.\d{2,}")
NUMBER = re.compile(r"(?<![\w.])\d{2,}(?![\w.]*\w)|(?<=[a-zA-Z_=:-])\d{3,}(?!\w)")
TRACE = re.compile(r'^\s+File ".*", line \d+|^\s+[~^]+$')
ERROR = re.compile(r"^([\w.]+(Error|Exception|Interrupt|Exit|Warning|Empty|Full|Died|Expired)\b.*)$")


class Outcome:
    """What one run printed, how it ended, and the process ids around it."""

    def __init__(self, out, err, status, pid, ended):
        self.out, self.err, self.status, self.ended = out, err, status, ended
        self.lines = normal(out, pid)

    @property
    def reason(self):
        """The last line of an error, if there is one."""
        found = [line.strip() for line in (self.err + "\n" + self.out).splitlines()]
        found = [line for line in found if ERROR.match(line)]
        return found[-1] if found else None


def normal(text, pid):
    """The lines of a text without what differs from run to run."""

    def number(found):
        value = int(found.group())
        if value == os.getpid() or pid <= value < pid + 3000:
            return "PID"
        return "IDENT" if value > 10**9 else found.group()

    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        line = ADDRESS.sub("ADDRESS", line)
        line = DATE.sub("DATE", line)
        line = CLOCK.sub("TIME", line)
        line = EXPONENT.sub("NUMBER", line)
        line = FRACTION.sub("NUMBER", line)
        line = NUMBER.sub(number, line)
        lines.append(line.rstrip())
    while lines and not lines[-1]:
        lines.pop()
    return lines


def end_session(leader):
    """Kills what is left of a session."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == leader:
                os.kill(int(entry), signal.SIGKILL)
        except (OSError, IndexError, ValueError):
            continue


def directives(script, name):
    """The texts of the comments `# NAME: TEXT` of a script."""
    mark = f"# {name}: "
    text = script.read_text(encoding="utf-8", errors="replace")
    return [line[len(mark):] for line in text.splitlines() if line.startswith(mark)]


def run(command, script, timeout, terminal):
    """One run of a script."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CONC_") and k != "PYTHONUNBUFFERED"}
    environment.update(TZ="UTC", PYTHONDONTWRITEBYTECODE="1", NO_COLOR="1", COLUMNS="200", TERM="dumb", PYTHONWARNINGS="ignore")
    given = "".join(line + "\n" for line in directives(script, "stdin")).encode()
    words = [word for line in directives(script, "args") for word in line.split()]
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, script.parent.name)
        shutil.copytree(script.parent, copy, ignore=shutil.ignore_patterns("__pycache__", "target", ".git"))
        out = pty.openpty() if terminal else os.pipe()
        reader, writer = out
        err_path = pathlib.Path(folder, "stderr")
        with open(err_path, "wb") as err:
            started = subprocess.Popen([*command, script.name, *words], cwd=copy, env=environment, stdin=subprocess.PIPE, stdout=writer,
                                       stderr=writer if terminal else err, start_new_session=True)
        os.close(writer)
        try:
            started.stdin.write(given)
            started.stdin.close()
        except BrokenPipeError:
            pass
        deadline = time.monotonic() + timeout
        chunks, grace = [], None
        while True:
            left = (grace or deadline) - time.monotonic()
            if left <= 0:
                break
            if grace is None and started.poll() is not None:
                # Descendants may go on writing for a while.
                grace = min(deadline, time.monotonic() + 2)
            if select.select([reader], [], [], min(left, 0.05))[0]:
                try:
                    data = os.read(reader, 1 << 16)
                except OSError:  # The other end of a pseudo-terminal is closed.
                    data = b""
                if not data:
                    break
                chunks.append(data)
        try:
            status = started.wait(max(0.01, deadline - time.monotonic()))
            ended = True
        except subprocess.TimeoutExpired:
            status, ended = None, False
        end_session(started.pid)
        started.wait()
        os.close(reader)
        decode = lambda data: data.decode("utf-8", errors="replace").replace(str(copy), "FOLDER")
        return Outcome(decode(b"".join(chunks)), decode(err_path.read_bytes()), status, started.pid, ended)


def first_difference(expected, actual):
    """The first line that is another one, as text."""
    for number, (a, b) in enumerate(zip(expected, actual), 1):
        if a != b:
            return f"line {number}: expected {a!r}, actual {b!r}"
    if len(expected) > len(actual):
        return f"line {len(actual) + 1}: expected {expected[len(actual)]!r}, actual nothing"
    return f"line {len(expected) + 1}: expected nothing, actual {actual[len(expected)]!r}"


def without_traces(lines):
    """Lines without those that show places of source text, which are drawn elsewhere in their own way."""
    return [line for line in lines if not TRACE.match(line)]


def compare(script, options, terminal):
    """The verdict on one script, and why."""
    actual = run([options.conc], script, options.timeout, terminal)
    expected = [run([options.python], script, options.timeout, terminal)]
    while len(expected) < options.runs and expected[0].ended:
        expected.append(run([options.python], script, options.timeout, terminal))
    first = expected[0]
    if not first.ended:
        return ("reports", actual.reason or f"status {actual.status}") if actual.ended else ("both hang", "")
    if not actual.ended:
        return "hangs", f"after {actual.lines[-1:]!r}"
    texts = [without_traces(outcome.lines) for outcome in expected]
    mine = without_traces(actual.lines)
    ordered = any(mine == text for text in texts)
    alike = any(sorted(mine) == sorted(text) for text in texts)
    if ordered or alike:
        if all(actual.status != outcome.status for outcome in expected):
            reason = actual.reason if actual.status else first.reason
            return "status", f"expected {first.status}, actual {actual.status}: {reason}"
        return ("same" if ordered else "reordered"), ""
    own = actual.reason
    if own and own not in {outcome.reason for outcome in expected}:
        return "fails", own
    if len({tuple(sorted(text)) for text in texts}) > 1:
        counts = [len(text) for text in texts]
        if min(counts) * 0.8 <= len(mine) <= max(counts) * 1.2 + 1:
            return "wavers", ""
    return "differs", first_difference(texts[0], mine)


def record(scripts, options):
    """Writes the expected output of each script."""

    def one(script):
        outcomes = [run([options.python], script, options.timeout, False) for _ in range(max(2, options.runs))]
        texts = [without_traces(outcome.lines) for outcome in outcomes]
        first = outcomes[0]
        if not all(outcome.ended for outcome in outcomes):
            return "does not end"
        if any(sorted(text) != sorted(texts[0]) or outcome.status != first.status for text, outcome in zip(texts, outcomes)):
            return "prints something else each time"
        ordered = all(text == texts[0] for text in texts)
        head = f"status {first.status}, {'ordered' if ordered and not directives(script, 'order') else 'any order'}"
        lines = texts[0] if ordered else sorted(texts[0])
        script.with_suffix(".expected").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        return None

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for script, problem in zip(scripts, pool.map(one, scripts)):
            if problem:
                failed += 1
                print(f"{script}: {problem}", file=sys.stderr)
    print(f"{len(scripts) - failed} of {len(scripts)} recorded")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=pathlib.Path)
    parser.add_argument("--conc", default=str(ROOT / "target/release/conc"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--timeout", type=float, default=20)
    parser.add_argument("--runs", type=int, default=2, help="how often CPython runs a script")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--terminal", action="store_true")
    parser.add_argument("--pipe", action="store_true")
    parser.add_argument("--record", action="store_true", help="write SCRIPT.expected from what CPython prints")
    parser.add_argument("--verbose", action="store_true", help="a line for each script")
    options = parser.parse_args()
    scripts = []
    for path in options.paths:
        found = sorted(file for file in path.rglob("*") if file.suffix in (".py", ".conc")) if path.is_dir() else [path]
        scripts += [file.resolve() for file in found if not file.name.startswith(("helper", "__"))]
    if options.record:
        return record(scripts, options)
    ways = [way for way, asked in ((False, options.pipe), (True, options.terminal)) if asked] or [False, True]
    work = [(script, terminal) for script in scripts for terminal in ways]
    verdicts = collections.Counter()
    causes = collections.defaultdict(list)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda item: compare(item[0], options, item[1]), work)
        for (script, terminal), (verdict, cause) in zip(work, results):
            verdicts[verdict] += 1
            name = f"{script}{' (terminal)' if terminal else ''}"
            if verdict not in ("same", "reordered", "wavers"):
                causes[verdict, cause].append(name)
            if options.verbose:
                print(f"{verdict:10} {name} {cause}", flush=True)
    for (verdict, cause), names in sorted(causes.items(), key=lambda item: (item[0][0], -len(item[1]))):
        print(f"\n{verdict}: {cause}" if cause else f"\n{verdict}")
        for name in names:
            print(f"    {name}")
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) + f" of {len(work)} runs")
    return 0 if all(verdict in GOOD for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
