"""Changes our code in one small way after the other, and tells which changes no test notices.

The tests are collected and run once, watched by coverage. Then each change gets a fork of that process: the changed code
is put into the living functions, and the tests that passed over its line run until one fails. So a change costs tenths of
a second, not a start of everything.
"""

import argparse
import ast
import importlib
import inspect
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType, FunctionType, ModuleType, SimpleNamespace

import _unnoticed
import coverage
import pytest
from _changes import Change, changes

# Of the processor, for the tests of one change. One that only a later test would notice is shown: we err to our disadvantage.
SECONDS = 6
# Seconds. A test that waits for ever notices, too: so long, and five times what it took without a change.
PATIENCE = 20
MANY = 255  # an exit status cannot say more

Running = dict[int, tuple[Change, list[pytest.Item]]]


def put_in(code: CodeType, module: ModuleType, constants: Sequence[str]) -> None:
    """Into this process: the changed functions, or the changed constant, wherever it was imported."""
    if constants:
        fresh = dict(vars(module))
        exec(code, fresh)
        for name in constants:
            old = vars(module).get(name, fresh)
            if old is fresh.get(name, fresh):
                continue
            for other in [m for m in sys.modules.values() if getattr(m, "__dict__", {}).get(name) is old]:
                setattr(other, name, fresh[name])
        return
    found, waiting = {}, [code]
    while waiting:
        each = waiting.pop()
        found[each.co_qualname, each.co_firstlineno] = each
        waiting += [part for part in each.co_consts if isinstance(part, CodeType)]
    for function in functions(module):
        key = function.__code__.co_qualname, function.__code__.co_firstlineno
        function.__code__ = found.get(key, function.__code__)


def functions(module: ModuleType) -> Iterator[FunctionType]:
    """Those of the file and of its classes, under their decorators."""
    classes = [thing for thing in vars(module).values() if isinstance(thing, type)]
    for holder in (module, *(each for each in classes if each.__module__ == module.__name__)):
        for thing in vars(holder).values():
            function = inspect.unwrap(getattr(thing, "fget", None) or getattr(thing, "__func__", thing))
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                yield function


def used(file: str, constants: Collection[str]) -> set[int]:
    """The lines that read one of these."""
    names = [node for node in ast.walk(ast.parse(Path(file).read_text())) if isinstance(node, ast.Name)]
    return {name.lineno for name in names if name.id in constants and isinstance(name.ctx, ast.Load)}


class Mutating:
    """The pytest plugin that runs instead of its loop."""

    def __init__(self, files: Sequence[str], at_once: int, only: Mapping[str, Collection[str]] | None = None) -> None:
        self.files, self.at_once, self.only = files, at_once, only
        self.left: dict[str, list[str]] = {file: [] for file in files}
        self.failed: set[str] = set()
        self.seconds: dict[str, float] = {}  # of the processor
        self.waits: dict[str, float] = {}  # what it took by the clock
        self.noticing: Counter[str] = Counter()  # how many changes each test noticed so far
        self.in_fork, self.at_test = False, 0
        self.counts: dict[str, list[int]] = {file: [0, 0] for file in files}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            if self.in_fork:
                os._exit(self.at_test)
            self.failed.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        watched = coverage.Coverage(
            data_file=None, config_file=False, include=self.files, concurrency=["thread", "greenlet"]
        )
        watched.start()
        for item in items.values():
            watched.switch_context(item.nodeid)
            began = time.process_time(), time.monotonic()
            self.run(item)
            self.seconds[item.nodeid] = time.process_time() - began[0]
            self.waits[item.nodeid] = time.monotonic() - began[1]
        watched.stop()
        ways = {file: watched.get_data().contexts_by_lineno(str(Path(file).resolve())) for file in self.files}
        passed = {nodeid for seen in ways.values() for over in seen.values() for nodeid in over}
        self.unchanged([item for nodeid, item in items.items() if nodeid in passed - self.failed])
        for nodeid in sorted(self.failed):
            print(f"fails without any change, so it is left out: {nodeid}", flush=True)
        running: Running = {}
        for file in self.files:
            seen = ways[file]
            for change in changes(file):
                self.counts[file][1] += 1
                if self.only is not None and change.words not in self.only.get(file, ()):
                    self.counts[file][0] += 1
                    continue
                lines = used(file, change.constants) if change.constants else {change.line}
                passed = {nodeid for line in lines or seen for nodeid in seen.get(line, ())}
                tests = self.tests([items[nodeid] for nodeid in passed if nodeid in items])
                if not tests:
                    self.unnoticed(change, "   (no test passes here)")
                    continue
                while len(running) >= self.at_once:
                    self.reap(running)
                running[self.fork(change, tests)] = change, tests
        while running:
            self.reap(running)
        return True

    def unchanged(self, left: Sequence[pytest.Item]) -> None:
        """A test that fails in any fork of ours, such as one that needs a thread from before, would notice everything."""
        while left:
            child = self.fork(None, left[:MANY])
            at = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if at:
                self.failed.add(left[at - 1].nodeid)
            left = left[at or MANY :]

    def tests(self, found: list[pytest.Item]) -> list[pytest.Item]:
        """Those that noticed most so far for the time they take, then the quickest."""
        found = [item for item in found if item.nodeid not in self.failed]
        found.sort(key=lambda item: self.seconds[item.nodeid] / (1 + self.noticing[item.nodeid]))
        left = float(SECONDS)
        chosen: list[pytest.Item] = []
        for item in found:
            left -= self.seconds[item.nodeid]
            if left < 0 and chosen:
                break
            chosen.append(item)
        return chosen[:MANY]

    def fork(self, change: Change | None, tests: Sequence[pytest.Item]) -> int:
        sys.stdout.flush()
        if child := os.fork():
            return child
        self.in_fork, self.at_test = True, 1
        beside = importlib.import_module("platforms._beside")
        beside._READER = ThreadPoolExecutor(1)  # type: ignore[attr-defined]  # noqa: SLF001  # no thread comes along into a fork
        quiet = os.open(os.devnull, os.O_RDWR)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        signal.signal(signal.SIGALRM, lambda *_: os._exit(self.at_test))
        try:
            if change is not None:
                put_in(change.code(), importlib.import_module(change.file[:-3].replace("/", ".")), change.constants)
            for self.at_test, item in enumerate(tests, 1):
                signal.alarm(PATIENCE + int(5 * self.waits[item.nodeid]))
                self.run(item)
        except BaseException:  # noqa: BLE001 - whatever it was, the change did not pass unseen
            os._exit(self.at_test)
        os._exit(0)

    def reap(self, running: Running) -> None:
        child, status = os.wait()
        change, tests = running.pop(child)
        if status == 0:
            self.unnoticed(change)
            return
        self.counts[change.file][0] += 1
        which = os.waitstatus_to_exitcode(status) - 1
        if which >= 0:
            self.noticing[tests[which].nodeid] += 1

    def unnoticed(self, change: Change, why: str = "") -> None:
        self.left[change.file].append(change.words)
        print(f"{change.file}:{change.line}: {change.words}{why}", flush=True)

    def run(self, item: pytest.Item) -> None:
        after = SimpleNamespace(listchain=lambda: [item.session])  # what is made for the session stays for the next
        item.ihook.pytest_runtest_protocol(item=item, nextitem=after)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("paths", nargs="*", help="files to change, and the tests to run, in any order")
    asked.add_argument("--least", type=float, default=0, help="per cent of the changes that tests must notice")
    asked.add_argument("-k", default="not postgres")
    asked.add_argument("--write", action="store_true", help=f"put what is found into {_unnoticed.PAGE}")
    asked.add_argument("--again", action="store_true", help="only what that page tells, after a change of tests alone")
    asked.add_argument("--at-once", type=int, default=os.cpu_count())
    given = asked.parse_args()
    files = [path for path in given.paths if not path.startswith("tests/")]
    tests = [path for path in given.paths if path.startswith("tests/")]
    only = {file: changes for file, (_, changes) in _unnoticed.read().items()} if given.again else None
    began, plugin = time.monotonic(), Mutating(files, given.at_once, only)
    pytest.main(
        ["-p", "no:randomly", "-p", "no:xdist", "-o", "timeout=0", "-s", "-k", given.k, *tests], plugins=[plugin]
    )
    print()
    noticed, made = (sum(count[n] for count in plugin.counts.values()) for n in (0, 1))
    for file, (some, every) in plugin.counts.items():
        print(f"{file}: {some} of {every} noticed, {100 * some / max(every, 1):.1f} %")
    if given.write:
        _unnoticed.write(plugin.counts, plugin.left)
    print(f"{100 * noticed / max(made, 1):.1f} % of {made} changes noticed, in {time.monotonic() - began:.0f} s")
    if noticed * 100 < given.least * made:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
