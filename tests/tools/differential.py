#!/usr/bin/env python3
"""Runs scripts under conc and under CPython 3.13, and says where they differ.

    tests/tools/differential.py tests/corpus                  all of the corpus, on a pipe and on a terminal
    tests/tools/differential.py --pipe --filter pool FOLDER   some of it, on a pipe
    tests/tools/differential.py --show SCRIPT                 one script, with all lines that differ
    tests/tools/differential.py --record FOLDER               writes SCRIPT.expected from what CPython prints
"""

DETAILS = """
Each run has a session, a working folder with a copy of the script's folder, and a time limit of its own; what is left
of the session when the script has ended or run out of time is killed. Standard output is compared after what may differ
from run to run is made alike: process ids, addresses, thread identifiers, dates, times, numbers with two or more
decimals. On a terminal standard error comes with it. For each script it says one of

    same        the same lines and the same status
    reordered   the same lines in another order, from parts that run at once
    wavers      CPython itself differs from run to run, and conc is within what it does
    reports     CPython does not end; conc does
    both hang   neither ends
    alone       there is nothing to compare with
    differs     other lines
    status      the same lines, another status
    fails       an error of conc's own where CPython has none
    hangs       conc does not end where CPython does

followed by the first difference, grouped by cause. The status of this tool is 1 if a script differs, has another
status, fails or hangs, and 0 otherwise.

A script may say how it is to be run, in lines of its own:

    # stdin: TEXT     a line of its input
    # args: WORDS     its arguments
    # order: any      the order of its lines is chance, even where CPython happens to repeat it

A file SCRIPT.expected beside a script begins with a line `status N, ordered` or `status N, any order`, followed by the
lines of standard output, made alike. Where that first line ends in `by hand`, conc is to do something else than CPython,
mostly because CPython never ends: then conc is compared with the file, --record leaves it alone, and after a line
`-- standard error` come texts each of which must occur in a line of standard error. Where it depends on who is faster,
such a file gives several statuses, `status 1 or 0`, and, after `-- perhaps`, before that, lines that may be missing.
With --expected, and where there is no CPython 3.13, all scripts are compared with these files.

CPython is the Python that runs this tool if that is a 3.13, otherwise `python3.13` from PATH or from pyenv; --python
names another.
"""

import argparse
import collections
import concurrent.futures
import difflib
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
GOOD = ("same", "reordered", "wavers", "reports", "both hang", "alone")
VERSION = "3.13"
# So long a script must do nothing until it is believed to wait for ever, where its expectations say so.
SHORT = 4

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
DATE = re.compile(r"\d{4}-\d\d-\d\d|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d")
CLOCK = re.compile(r"\d{1,2}:\d\d:\d\d([.,]\d+)?( \d{4})?")
EXPONENT = re.compile(r"-?\d+(\.\d+)?e[-+]?\d+")
FRACTION = re.compile(r"\d+\.\d{2,}")
NUMBER = re.compile(r"(?<![0-9A-Za-z_.])\d{2,}(?![0-9A-Za-z_]|\.\d)|(?<=[A-Za-z_])\d{3,}(?![0-9A-Za-z_])")
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


def alike(expected, actual):
    """Whether two lines are the same but for numbers that were taken for process ids in one of them only."""
    if expected == actual:
        return True
    parts = re.split(r"(PID|\d+)", expected), re.split(r"(PID|\d+)", actual)
    return len(parts[0]) == len(parts[1]) and all(a == b or n % 2 and "PID" in (a, b) for n, (a, b) in enumerate(zip(*parts)))


def same_lines(expected, actual):
    return len(expected) == len(actual) and all(map(alike, expected, actual))


def same_but_order(expected, actual):
    return len(expected) == len(actual) and (sorted(expected) == sorted(actual) or not unmatched(expected, actual)[0])


def unmatched(expected, actual):
    """The lines of each that the other one does not have, in whatever place."""
    missing, left = [], list(actual)
    for line in expected:
        found = next((other for other in left if alike(line, other)), None)
        if found is None:
            missing.append(line)
        else:
            left.remove(found)
    return missing, left


def first_difference(expected, actual):
    """The first line that is another one, as text."""
    for number, (a, b) in enumerate(zip(expected, actual), 1):
        if not alike(a, b):
            return f"line {number}: expected {a!r}, actual {b!r}"
    if len(expected) > len(actual):
        return f"line {len(actual) + 1}: expected {expected[len(actual)]!r}, actual nothing"
    return f"line {len(expected) + 1}: expected nothing, actual {actual[len(expected)]!r}"


def without_traces(lines):
    """Lines without those that show places of source text, which are drawn elsewhere in their own way."""
    return [line for line in lines if not TRACE.match(line)]


class Expected:
    """What stands in `SCRIPT.expected`."""

    def __init__(self, path):
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        found = re.fullmatch(r"status (-?\d+(?: or -?\d+)*), (ordered|any order)(, by hand)?", head)
        if not found:
            raise SystemExit(f"{path}: the first line is to be `status N, ordered` or `status N, any order`, not {head!r}")
        self.statuses = [int(status) for status in found[1].split(" or ")]
        self.ordered, self.by_hand = found[2] == "ordered", bool(found[3])
        self.lines, self.error_texts = self.cut(lines, "-- standard error")
        self.lines, self.perhaps = self.cut(self.lines, "-- perhaps")

    def cut(self, lines, mark):
        """The lines before such a line and those after it."""
        at = lines.index(mark) if self.by_hand and mark in lines else len(lines)
        return lines[:at], lines[at + 1:]

    @classmethod
    def of(cls, script):
        path = script.with_suffix(".expected")
        return cls(path) if path.exists() else None


def against_file(expected, actual, terminal):
    """The verdict on a run, compared with what its file expects."""
    if not actual.ended:
        return "hangs", f"after {actual.lines[-1:]!r}"
    mine = [line for line in without_traces(actual.lines) if line not in expected.perhaps]
    if actual.status not in expected.statuses and actual.reason and not expected.error_texts:
        return "fails", actual.reason
    shown = actual.out + actual.err
    absent = [text for text in expected.error_texts if text not in shown]
    if absent:
        return "differs", f"not on standard error: {absent[0]!r}"
    # On a terminal what goes to standard error is among the lines.
    missing, more = unmatched(expected.lines, mine)
    if missing or more and not terminal:
        return "differs", first_difference(expected.lines, mine)
    if actual.status not in expected.statuses:
        return "status", f"expected {expected.statuses}, actual {actual.status}: {actual.reason}"
    return ("same" if terminal or same_lines(expected.lines, mine) else "reordered"), ""


def compare(script, options, terminal):
    """The verdict on one script, why, and the lines of both."""
    actual = run([options.conc], script, options.timeout, terminal)
    wanted = Expected.of(script)
    if wanted and (wanted.by_hand or not options.python):
        verdict, why = against_file(wanted, actual, terminal)
        if options.python and verdict in ("same", "reordered"):
            if not run([options.python], script, min(SHORT, options.timeout), terminal).ended:
                verdict = "reports"
        return verdict, why, wanted.lines, actual.lines
    if not options.python:
        return "alone", "there is no .expected file to compare with", [], actual.lines
    expected = [run([options.python], script, options.timeout, terminal)]
    while len(expected) < options.runs and expected[0].ended:
        expected.append(run([options.python], script, options.timeout, terminal))
    verdict, why = judge(expected, actual)
    return verdict, why, without_traces(expected[0].lines), without_traces(actual.lines)


def judge(expected, actual):
    """The verdict on a run of conc, given some of CPython."""
    first = expected[0]
    if not first.ended:
        return ("reports", actual.reason or f"status {actual.status}") if actual.ended else ("both hang", "")
    if not actual.ended:
        return "hangs", f"after {actual.lines[-1:]!r}"
    texts = [without_traces(outcome.lines) for outcome in expected]
    mine = without_traces(actual.lines)
    ordered = any(same_lines(text, mine) for text in texts)
    if ordered or any(same_but_order(text, mine) for text in texts):
        if all(actual.status != outcome.status for outcome in expected):
            reason = actual.reason if actual.status else first.reason
            return "status", f"expected {first.status}, actual {actual.status}: {reason}"
        return ("same" if ordered else "reordered"), ""
    own = actual.reason
    if own and own not in {outcome.reason for outcome in expected}:
        return "fails", own
    if any(not same_but_order(texts[0], text) for text in texts[1:]):
        counts = [len(text) for text in texts]
        if min(counts) * 0.8 <= len(mine) <= max(counts) * 1.2 + 1:
            return "wavers", ""
    return "differs", first_difference(texts[0], mine)


def record(scripts, options):
    """Writes the expected output of each script."""

    def one(script):
        old = Expected.of(script)
        if old and old.by_hand:
            return "left alone: its expectations are written by hand"
        outcomes = [run([options.python], script, options.timeout, False) for _ in range(max(2, options.runs))]
        texts = [without_traces(outcome.lines) for outcome in outcomes]
        first = outcomes[0]
        if not all(outcome.ended for outcome in outcomes):
            return "not recorded: it does not end"
        if any(not same_but_order(texts[0], text) or outcome.status != first.status for text, outcome in zip(texts, outcomes)):
            return "not recorded: it prints something else each time"
        ordered = all(same_lines(texts[0], text) for text in texts) and not directives(script, "order")
        lines = texts[0] if ordered else sorted(texts[0])
        head = f"status {first.status}, {'ordered' if ordered else 'any order'}"
        script.with_suffix(".expected").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        return None

    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for script, problem in zip(scripts, pool.map(one, scripts)):
            counts[problem.split(":")[0] if problem else "recorded"] += 1
            if problem:
                print(f"{script}: {problem}", file=sys.stderr)
    print(", ".join(f"{count} {what}" for what, count in counts.most_common()))
    return 1 if counts["not recorded"] else 0


def version(python):
    """The version of an interpreter, as `3.13`; nothing if it is none."""
    try:
        done = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name)"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    number, _, name = done.stdout.strip().partition(" ")
    return number if name == "cpython" else None


def find_python(asked):
    """The CPython to compare with."""
    if asked:
        found = version(asked)
        if found is None:
            raise SystemExit(f"--python {asked}: that is no CPython that runs")
        if found != VERSION:
            print(f"warning: {asked} is CPython {found}; conc follows {VERSION}", file=sys.stderr)
        return asked, found
    pyenv = sorted(pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"), "versions").glob(f"{VERSION}*/bin/python3"))
    for candidate in (sys.executable, f"python{VERSION}", *map(str, pyenv)):
        if version(candidate) == VERSION:
            return candidate, VERSION
    return None, None


def find_conc(asked):
    """The conc to run."""
    if asked:
        if not shutil.which(asked):
            raise SystemExit(f"--conc {asked}: there is no such program")
        return str(pathlib.Path(asked).resolve()) if os.sep in asked else asked
    built = [ROOT / "target" / kind / "conc" for kind in ("release", "debug")]
    built = [file for file in built if file.exists()]
    if not built:
        raise SystemExit("there is no target/release/conc or target/debug/conc: run `cargo build --release`, or name one with --conc FILE")
    return str(max(built, key=lambda file: file.stat().st_mtime))


def find_scripts(options):
    """The scripts below the given paths."""
    scripts = []
    for path in options.paths:
        if not path.exists():
            raise SystemExit(f"{path}: no such script or folder")
        found = sorted(file for file in path.rglob("*") if file.suffix in (".py", ".conc")) if path.is_dir() else [path]
        # What other scripts import is none itself.
        scripts += [file.resolve() for file in found if path == file or not file.name.startswith(("helper", "__"))]
    scripts = [script for script in scripts if options.filter in str(script)]
    if not scripts:
        raise SystemExit("there are no scripts (.py or .conc) to run")
    return scripts


def show(expected, actual):
    """Prints what differs, line by line."""
    for line in difflib.unified_diff(expected, actual, "CPython", "conc", lineterm=""):
        print("    " + line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog=DETAILS, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=pathlib.Path, metavar="SCRIPT_OR_FOLDER")
    parser.add_argument("--conc", metavar="FILE", help="the conc to test (the newest of target/release/conc and target/debug/conc)")
    parser.add_argument("--python", metavar="FILE", help="the CPython to compare with")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only scripts whose path contains the text")
    parser.add_argument("--timeout", type=float, default=20, metavar="SECONDS", help="when a script is said not to end (%(default)s)")
    parser.add_argument("--runs", type=int, default=2, metavar="N", help="how often CPython runs a script (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="how many scripts run at once (%(default)s)")
    parser.add_argument("--terminal", action="store_true", help="only on a pseudo-terminal")
    parser.add_argument("--pipe", action="store_true", help="only on a pipe")
    parser.add_argument("--record", action="store_true", help="write SCRIPT.expected from what CPython prints")
    parser.add_argument("--expected", action="store_true", help="compare with the .expected files only, without running CPython")
    parser.add_argument("--show", action="store_true", help="all lines that differ")
    parser.add_argument("--verbose", action="store_true", help="a line for each script")
    options = parser.parse_args()
    scripts = find_scripts(options)
    options.python, found = (None, None) if options.expected else find_python(options.python)
    if options.record:
        if found != VERSION:
            raise SystemExit(f"--record needs CPython {VERSION}, and no other; name it with --python FILE")
        return record(scripts, options)
    options.conc = find_conc(options.conc)
    if not options.python and not options.expected:
        print(f"there is no CPython {VERSION}: comparing with the .expected files only", file=sys.stderr)
    ways = [way for way, asked in ((False, options.pipe), (True, options.terminal)) if asked] or [False, True]
    work = [(script, terminal) for script in scripts for terminal in ways]
    verdicts = collections.Counter()
    causes = collections.defaultdict(list)
    progress = sys.stderr.isatty() and not options.verbose
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda item: compare(item[0], options, item[1]), work)
        for (script, terminal), (verdict, cause, expected, actual) in zip(work, results):
            verdicts[verdict] += 1
            name = f"{script}{' (terminal)' if terminal else ''}"
            if verdict not in ("same", "reordered", "wavers"):
                causes[verdict, cause].append(name)
            if options.verbose:
                print(f"{verdict:10} {name} {cause}", flush=True)
            if options.show and verdict not in GOOD:
                print(name)
                show(expected, actual)
            if progress:
                print(f"\r{sum(verdicts.values())} of {len(work)} runs", end="", file=sys.stderr, flush=True)
    if progress:
        print(file=sys.stderr)
    # What is wrong comes last, where it is seen.
    for (verdict, cause), names in sorted(causes.items(), key=lambda item: (item[0][0] not in GOOD, item[0][0], -len(item[1]))):
        print(f"\n{verdict}: {cause}" if cause else f"\n{verdict}")
        for name in names:
            print(f"    {name}")
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) + f" of {len(work)} runs")
    return 0 if all(verdict in GOOD for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
