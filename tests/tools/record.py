#!/usr/bin/env python3
"""Records what CPython prints for the language tests, beside the lines that print it.

    record.py [--check] [--prelude] [FILE.conc | DIRECTORY ...]

A test is a script whose expected standard output stands in it as comments, in order:

    print(1 + 1)            # expect: 2
    for n in range(2):
        print(n)
    # expect: 0
    # expect: 1
    1 / 0
    # expect error: ZeroDivisionError: division by zero
    # expect status: 1

This tool runs each script with CPython (3.13 is the reference) and rewrites the expectations in place; `--check`
changes nothing and fails if something would change. Every script runs twice, with different hash seeds, so that
output that is not deterministic is noticed. Without arguments it does all of `tests/language` and `tests/notes`.

Comments at the top of a script that steer it:

    # oracle: prelude       conc's own words (`Process`, `Queue.Empty`, ...) are defined before it runs, as `--prelude` does
    # oracle: none          differs from CPython on purpose: the expectations are written by hand and left alone
    # stdin: TEXT           a line of its standard input
    # args: WORD ...        its command-line arguments

Trailing white space of a line is not compared.

    record.py --gallery [--check]

records what the scripts of the gallery print in `tests/gallery/NAME.expected`, with `[..]` for what differs from run to
run.
"""

import ast
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
EXPECTATION = re.compile(r"(^|\s+)# expect( error| status)?:( .*)?$")
WIDTH = 110
TIMEOUT = 120


def strip(source):
    """The script's lines without their expectations."""
    lines = []
    for line in source.split("\n"):
        found = EXPECTATION.search(line)
        if not found:
            lines.append(line)
        elif line[: found.start()].strip():
            lines.append(line[: found.start()])
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def expectations(source):
    """The expectations alone."""
    return [found.group(0).strip() for line in source.split("\n") if (found := EXPECTATION.search(line))]


def directive(lines, name):
    """The texts of the directives `# NAME: TEXT`."""
    mark = f"# {name}: "
    return [line[len(mark):] for line in lines if line.startswith(mark)]


def steps(tree):
    """The statements that run at most once and in the order of the source, as (first line, last line, column)."""
    found = []

    def visit(body):
        for statement in body:
            decorators = getattr(statement, "decorator_list", [])
            first = min([statement.lineno] + [d.lineno for d in decorators])
            found.append((first, statement.end_lineno, statement.col_offset))
            if isinstance(statement, (ast.If, ast.With, ast.Try)):
                inner = [statement.body]
                inner += [handler.body for handler in getattr(statement, "handlers", [])]
                inner += [getattr(statement, "orelse", []), getattr(statement, "finalbody", [])]
                found.pop()
                found.append((first, inner[0][0].lineno - 1, statement.col_offset))
                for part in inner:
                    visit(part)

    visit(tree.body)
    return found


def place(lines, output):
    """Puts each output line (text, source line) behind or below the statement that printed it."""
    spans = steps(ast.parse("\n".join(lines).removeprefix("\ufeff")))
    below = {}
    last = (1, 0)
    for text, number in output:
        span = None
        for first, end, column in spans:
            if first <= number <= end:
                span = (end, column)
        if span is None or span[0] < last[0]:
            span = last
        last = span
        below.setdefault(span[0], (span[1], []))[1].append(text)
    result = []
    for number, line in enumerate(lines, 1):
        column, texts = below.get(number, (0, []))
        marks = [f"# expect: {text}".rstrip() for text in texts]
        if len(marks) == 1 and "#" not in line and line.strip():
            joined = f"{line}  {marks[0]}"
            if len(joined) <= WIDTH:
                result.append(joined)
                continue
        result.append(line)
        result += [" " * column + mark for mark in marks]
    return result


def run(path, lines, prelude, seed, tagged):
    """Runs the script; gives its output lines, each with the source line that printed it, its errors, its status."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        stripped = os.path.join(folder, "stripped")
        work = os.path.join(folder, "work")
        os.mkdir(work)
        pathlib.Path(stripped).write_text("\n".join(lines) + "\n", encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONUNBUFFERED", "CONC_SCALE")}
        environment.update(PYTHONHASHSEED=str(seed), TZ="UTC", PYTHONDONTWRITEBYTECODE="1")
        arguments = [word for text in directive(lines, "args") for word in text.split()]
        command = [sys.executable, "-u", "-W", "ignore", __file__, "--run", str(path), stripped, log if tagged else "-",
                   "prelude" if prelude else "-", *arguments]
        given = "".join(text + "\n" for text in directive(lines, "stdin"))
        done = subprocess.run(command, input=given, capture_output=True, text=True, encoding="utf-8", cwd=work,
                              env=environment, timeout=TIMEOUT)
        if not tagged:
            texts = done.stdout.split("\n")
            if texts[-1] == "":
                texts.pop()
            return [(text, 0) for text in texts], done.stderr, done.returncode
        output, pending = [], ""
        for entry in open(log, encoding="utf-8") if os.path.exists(log) else []:
            number, text = json.loads(entry)
            pieces = text.split("\n")
            for piece in pieces[:-1]:
                output.append((pending + piece, number))
                pending = ""
            pending += pieces[-1]
        if pending:
            output.append((pending, number))
        return output, done.stderr, done.returncode


def recorded(path, force_prelude):
    """The script as it should stand, or None if it is not to be recorded."""
    lines = strip(path.read_text(encoding="utf-8"))
    oracle = directive(lines, "oracle")
    if "none" in oracle:
        return None
    prelude = force_prelude or "prelude" in oracle
    output, errors, status = run(path, lines, prelude, 1, True)
    again, _, status_again = run(path, lines, prelude, 2, False)
    texts = [text.rstrip() for text, _ in output]
    if texts != [text.rstrip() for text, _ in again] or status != status_again:
        other = [text.rstrip() for text, _ in again]
        first = next((i for i, (a, b) in enumerate(zip(texts, other)) if a != b), min(len(texts), len(other)))
        raise ValueError(f"two runs differ at output line {first + 1}: {texts[first:first + 1]} and "
                         f"{other[first:first + 1]} (status {status} and {status_again})\n{errors}")
    for text in texts:
        if len(text.splitlines()) > 1 or "\r" in text or "# expect" in text:
            raise ValueError(f"output line cannot stand in a comment: {text!r}")
    result = place(lines, output)
    if status != 0:
        last = [line for line in errors.split("\n") if line.strip()]
        if last and "SyntaxError" in last[-1]:
            raise ValueError(errors)
        if last:
            result.append(f"# expect error: {last[-1].strip()}")
        result.append(f"# expect status: {status}")
    return "\n".join(result) + "\n"


def run_script(path, stripped, log, prelude, arguments):
    """Becomes the script: what `--run` does in a process of its own."""
    import importlib.machinery
    import importlib.util
    import io
    import threading
    import types

    folder = os.path.dirname(path)
    sys.path[0] = folder
    sys.argv = [path, *arguments]

    class Modules:
        """Finds the scripts' own modules, which end in `.conc`."""

        @staticmethod
        def find_spec(name, search=None, target=None):
            file = os.path.join(folder, *name.split(".")) + ".conc"
            if not os.path.exists(file):
                return None
            loader = importlib.machinery.SourceFileLoader(name, file)
            return importlib.util.spec_from_file_location(name, file, loader=loader)

    sys.meta_path.append(Modules)
    if prelude == "prelude":
        sys.path.insert(0, str(pathlib.Path(__file__).parent))
        import prelude as words

        sys.path.pop(0)
        words.install()
    main = types.ModuleType("__main__")
    main.__file__ = path
    code = compile(open(stripped, encoding="utf-8-sig").read(), path, "exec")

    if log != "-":
        sink = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def current_line():
            frame, number = sys._getframe(1), None
            while frame:
                if frame.f_code is code:
                    number = frame.f_lineno
                frame = frame.f_back
            if number is None:
                frame = sys._current_frames().get(threading.main_thread().ident)
                while frame:
                    if frame.f_code is code:
                        number = frame.f_lineno
                    frame = frame.f_back
            return number or 1 << 30

        class Recorder(io.TextIOWrapper):
            """Standard output that notes which line of the script wrote."""

            def write(self, text):
                if not isinstance(text, str):
                    raise TypeError(f"write() argument must be str, not {type(text).__name__}")
                os.write(sink, (json.dumps([current_line(), text]) + "\n").encode())
                return len(text)

        sys.stdout = sys.__stdout__ = Recorder(sys.stdout.detach(), encoding="utf-8")
    sys.modules["__main__"] = main
    exec(code, main.__dict__)


def gallery(check):
    """Records, or checks, the expected output of every script in `scripts/`."""
    folder = TESTS / "gallery"
    table = dict(line.split(": ") for line in (folder / "arguments.txt").read_text().splitlines())
    failed = 0
    for script in sorted((TESTS.parent / "scripts").glob("*.conc")):
        arguments = [str(folder / "input" / name) for name in table.get(script.stem, "").split()]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
        environment.update(CONC_SCALE="0.1", PYTHONDONTWRITEBYTECODE="1")
        done = subprocess.run([sys.executable, "-u", "-W", "ignore", __file__, "--run", str(script), str(script), "-",
                               "prelude", *arguments], capture_output=True, text=True, env=environment,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT)
        text = re.sub(r"pid \d+", "pid [..]", done.stdout)
        text = re.sub(r" *\d+\.\d+ s\b", " [..] s", text)
        text = re.sub(r"without a lock: lost \d+", "without a lock: lost [..]", text)
        text = re.sub(r"us +\d+ cores", "us [..] cores", text)
        text = text.replace(str(folder), "[..]")
        text = "".join(line.rstrip() + "\n" for line in text.splitlines())
        golden = folder / f"{script.stem}.expected"
        if done.returncode != 0 or check and golden.read_text(encoding="utf-8") != text:
            failed += 1
            print(f"{script}: status {done.returncode}\n{text}{done.stderr}", file=sys.stderr)
        elif not check:
            golden.write_text(text, encoding="utf-8")
    return 1 if failed else 0


def main():
    if "--gallery" in sys.argv:
        return gallery("--check" in sys.argv)
    if sys.argv[1:2] == ["--run"]:
        run_script(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5], sys.argv[6:])
        return 0
    check = "--check" in sys.argv
    force_prelude = "--prelude" in sys.argv
    given = [pathlib.Path(a).resolve() for a in sys.argv[1:] if not a.startswith("--")]
    files = []
    for path in given or [TESTS / "language", TESTS / "notes"]:
        # A helper module is imported by a test and is none itself.
        found = [file for file in path.rglob("*.conc") if not file.name.startswith("helper")] if path.is_dir() else [path]
        files += sorted(found)

    def one(path):
        try:
            wanted = recorded(path, force_prelude)
            present = path.read_text(encoding="utf-8")
            # Which line a thread's output stands beside may vary; what it is and its order may not.
            if wanted is None or expectations(wanted) == expectations(present):
                return None
            if not check:
                path.write_text(wanted, encoding="utf-8")
                return None
            return "its expectations are not what CPython prints"
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, problem in zip(files, pool.map(one, files)):
            if problem:
                failed += 1
                print(f"{path}: {problem}", file=sys.stderr)
    print(f"{len(files) - failed} of {len(files)} scripts {'agree' if check else 'recorded'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
