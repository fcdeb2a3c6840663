"""`redkey` as a person or a program calls it, in a folder of its own; for the tests."""

import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.cli import main
from storage import new_key

ROOT = Path(__file__).parent.parent


HEADER = "id,occurred_at,email,kind,crm,bizible2__Medium__c\n"


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


class Redkey:
    """`redkey` in a folder of its own: called here, which is quick, or as the process it really is."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)
        self.set(REDKEY_SECRETS__KEYS=new_key(), TERM="dumb", COLUMNS="100")

    def set(self, **environment: str | None) -> None:
        for name, value in environment.items():
            if value is None:
                self._monkeypatch.delenv(name)
            else:
                self._monkeypatch.setenv(name, value)

    def __call__(self, *words: str, stdin: str = "") -> Done:
        self._monkeypatch.setattr(sys, "argv", ["redkey", *words])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin.encode()))))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code or 0, *self._capsys.readouterr())

    def process(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        # A shell that runs the tests in the background has them ignore Ctrl-C, and so would whatever they start.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen([sys.executable, "-P", "-m", "bot", *words], env=environment, **options)
        finally:
            signal.signal(signal.SIGINT, before)


@contextmanager
def at_the_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Redkey]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield Redkey(tmp_path, monkeypatch, capsys)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def touchpoint(number: int) -> str:
    return f"TP2_{number},2026-11-23T09:00:00Z,ann@example.com,touchpoint,,cpc\n"
