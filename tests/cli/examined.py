"""`weir doctor` as a user runs it, and what it found."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.cli.running import weir

_LINE = re.compile(r"(?P<mark>ok|note|wrong) +(?P<what>.+?): (?P<words>.+)")
_LAST = re.compile(r"(?P<count>\d+) checked: (?P<wrong>\d+) wrong, (?P<notes>\d+) notes?")


class Found(NamedTuple):
    mark: str
    what: str
    words: str


class Examined:
    """What it printed, line by line."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        *lines, last = text.splitlines()
        self.found = [Found(**_LINE.fullmatch(line).groupdict()) for line in lines]
        counts = {name: int(count) for name, count in _LAST.fullmatch(last).groupdict().items()}
        assert counts == {"count": len(self.found), "wrong": len(self.wrong), "notes": len(self.notes)}
        assert code == (1 if self.wrong else 0)

    @property
    def wrong(self) -> dict[str, str]:
        """What is wrong, in words."""
        return {found.what: found.words for found in self.found if found.mark == "wrong"}

    @property
    def notes(self) -> dict[str, str]:
        return {found.what: found.words for found in self.found if found.mark == "note"}

    @property
    def well(self) -> dict[str, str]:
        return {found.what: found.words for found in self.found if found.mark == "ok"}


def examine(folder: Path, settings: dict[str, Any], **environment: str) -> Examined:
    """Have a configuration checked; nothing but findings may be printed."""
    (folder / "weir.yaml").write_text(yaml.safe_dump(settings))
    done = weir("doctor", cwd=folder, **environment)
    assert done.stderr == ""
    return Examined(done.returncode, done.stdout)
