#!/usr/bin/env python3
"""CPython's own tests of queues, locks and threads as a yardstick.

    tests/tools/yardstick.py [--conc PATH] [--library FOLDER] [--module NAME]... [--verbose]

Finds the standard library of CPython 3.13 on this machine (through pyenv, or a `python3.13` in PATH), runs its tests
under conc unchanged from where they are, and tells how many of their definitions pass. A definition is a `test…` method
of a class of `test_queue.py` or `lock_tests.py`; it passes when it does in every concrete subclass. Those of
`test_thread.py` and `test_threading.py` are counted by themselves.

What the tests import of `test.support` is in `tests/tools/yardstick/`.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
STAND_INS = HERE / "yardstick"
ROOT = HERE.parent.parent
FILES = ["lock_tests.py", "test_queue.py", "test_thread.py", "test_threading.py"]
# The modules with concrete classes. Those of `lock_tests.py` are in the other two.
MODULES = ["test_queue", "test_thread", "test_threading"]
# Seconds that one class, and one test by itself, may take.
CLASS_LIMIT = 240
TEST_LIMIT = 60


def find_library():
    """The folder of CPython 3.13's tests."""
    places = []
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True).stdout.strip()
        places += sorted(pathlib.Path(root).glob("versions/3.13*/lib/python3.13"), reverse=True)
    python = shutil.which("python3.13")
    if python:
        code = "import sysconfig; print(sysconfig.get_path('stdlib'))"
        found = subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()
        places.append(pathlib.Path(found))
    for place in places:
        if (place / "test" / "test_queue.py").exists():
            return place / "test"
    sys.exit("CPython 3.13's library with its tests was not found: give it with --library")


def find_conc():
    for build in ("release", "debug"):
        path = ROOT / "target" / build / "conc"
        if path.exists():
            return path
    sys.exit("conc was not found: build it, or give it with --conc")


class Yardstick:
    def __init__(self, conc, library):
        self.conc = str(conc)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="conc-yardstick-"))
        # Copies of what is ours: a link's own folder would be looked in first.
        shutil.copytree(STAND_INS, self.folder, dirs_exist_ok=True)
        package = self.folder / "test"
        for name in FILES:
            (package / name).symlink_to(library / name)
        self.runner = str(self.folder / "run_class.conc")

    def call(self, arguments, limit):
        """What one run said, a line of JSON each, and whether it had to be ended, and its error output."""
        path = os.pathsep.join([str(self.folder), *filter(None, [os.environ.get("CONC_PATH")])])
        environment = dict(os.environ, CONC_PATH=path, NO_COLOR="1")
        command = [self.conc, self.runner, *arguments]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=environment, start_new_session=True, cwd=self.folder)
        late = False
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            late = True
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
        lines = []
        for line in out.splitlines():
            if line.startswith("{"):
                try:
                    lines.append(json.loads(line))
                except ValueError:
                    pass
        return lines, late, err

    def tests(self, module):
        lines, late, err = self.call(["list", f"test.{module}"], TEST_LIMIT)
        if not lines:
            return None, err.strip()
        return lines, ""

    def run_class(self, module, name, tests):
        """The outcome and reason of each test of a class. A test that ends the process, or does not end, is an outcome
        too, and the others are run without it."""
        outcomes = {}
        left = list(tests)
        while left:
            lines, late, err = self.call(["run", f"test.{module}", name, *left], CLASS_LIMIT)
            running = None
            for line in lines:
                if line["outcome"] == "running":
                    running = line["name"]
                else:
                    running = None
                    outcomes[line["name"]] = (line["outcome"], line["reason"])
            before = len(left)
            if running is not None:
                outcomes[running] = ("hangs", f"after {CLASS_LIMIT} s") if late else ("crashes", err.strip())
            left = [test for test in left if test not in outcomes]
            if len(left) == before:
                for test in left:
                    outcomes[test] = ("crashes", err.strip())
                break
        return outcomes

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def short(reason):
    """The last line that says something."""
    lines = [line for line in reason.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conc", type=pathlib.Path, help="the executable (default: the newest build here)")
    parser.add_argument("--library", type=pathlib.Path, help="the folder with CPython's test_queue.py")
    parser.add_argument("--module", action="append", choices=MODULES, help="only these")
    parser.add_argument("--verbose", action="store_true", help="show the whole text of each failure")
    parser.add_argument("--least", type=int, default=0, help="fail if fewer of the 96 definitions pass")
    options = parser.parse_args()
    yardstick = Yardstick(options.conc or find_conc(), options.library or find_library())
    # For each definition, what came of it in each concrete class.
    results = collections.defaultdict(dict)
    try:
        for module in options.module or MODULES:
            tests, error = yardstick.tests(module)
            if tests is None:
                print(f"{module}: cannot be imported: {error if options.verbose else short(error)}")
                continue
            by_class = collections.defaultdict(list)
            for test in tests:
                by_class[test["cls"]].append(test)
            for name, listed in sorted(by_class.items()):
                outcomes = yardstick.run_class(module, name, [test["name"] for test in listed])
                for test in listed:
                    where, definer = test["definer"]
                    key = (where.rsplit(".", 1)[-1], f"{definer}.{test['name']}")
                    results[key][f"{module}.{name}"] = outcomes[test["name"]]
                print(f"ran {module}.{name}", file=sys.stderr, flush=True)
    finally:
        yardstick.close()
    counts = collections.defaultdict(collections.Counter)
    for (file, definition), outcomes in sorted(results.items()):
        kinds = {outcome for outcome, _ in outcomes.values()}
        bad = kinds - {"pass", "skip"}
        verdict = "fails" if bad else "passes" if "pass" in kinds else "skipped"
        counts[file][verdict] += 1
        if verdict == "passes":
            continue
        print(f"{file} {definition}: {verdict}")
        for cls, (outcome, reason) in outcomes.items():
            if outcome != "pass":
                print(f"    {cls}: {outcome}: {reason if options.verbose else short(reason)}")
    print()
    for file, counted in sorted(counts.items()):
        total = sum(counted.values())
        rest = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counted.items()) if verdict != "passes")
        print(f"{file}: {counted['passes']} of {total} definitions pass" + (f" ({rest})" if rest else ""))
    both = sum(counts[file]["passes"] for file in ("test_queue", "lock_tests"))
    print(f"test_queue and lock_tests together: {both} of "
          f"{sum(sum(counts[file].values()) for file in ('test_queue', 'lock_tests'))}")
    return 0 if both >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
