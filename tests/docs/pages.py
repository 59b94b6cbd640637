"""The documents, cut into the blocks that are run and the blocks that are read.

```console            run: lines after `$ ` are commands, the lines below them what they print
```python train.py    kept as that file in the page's folder, from this point of the page on
```sh                 not run, for it would run the tests themselves: targets of the Makefile only
```yaml               a piece of weir.yaml that must load
```text, ```json      shown
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Block", "Step", "blocks", "documents", "pages", "steps"]

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_GENERATED = {"support.md"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, the file it is to be kept in, its text and the line it begins at."""

    language: str
    file: str
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command and the lines that it is said to print."""

    command: str
    expected: list[str]
    line: int


def documents() -> list[Path]:
    """All that is written for readers."""
    named = [ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md")]
    return [path for path in (*pages(), *named) if path.is_file()]


def pages() -> list[Path]:
    """The documents whose commands are run."""
    written = sorted(path for path in ROOT.glob("docs/*.md") if path.name not in _GENERATED)
    return [ROOT / "README.md", *written, *sorted(ROOT.glob("examples/*/README.md"))]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [_block(match, 1 + text.count("\n", 0, match.start())) for match in _FENCE.finditer(text)]


def steps(block: Block) -> Iterator[Step]:
    """The commands of a console block, in order; a line that ends with a backslash goes on in the next."""
    lines = block.text.splitlines()
    at = 0
    while at < len(lines):
        assert lines[at].startswith("$ "), f"line {block.line + 1 + at}: expected a command after '$ ': {lines[at]!r}"
        line, command = block.line + 1 + at, [lines[at].removeprefix("$ ")]
        at += 1
        while command[-1].endswith("\\"):
            command.append(lines[at])
            at += 1
        end = next((index for index in range(at, len(lines)) if lines[index].startswith("$ ")), len(lines))
        yield Step(command="\n".join(command), expected=lines[at:end], line=line)
        at = end


def _block(match: re.Match[str], line: int) -> Block:
    language, _, file = match["info"].strip().partition(" ")
    return Block(language=language, file=file, text=match["text"], line=line)
