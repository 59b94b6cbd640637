"""The judge of the documents is itself judged."""

from pathlib import Path

import pytest

from tests.docs.matching import matches
from tests.docs.pages import Block, steps
from tests.docs.shell import Shell


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("passed, 5.3e-08 at most", "passed, 1.25e-7 at most"),
        ("fraud:1   2026-11-20 09:07", "fraud:1  2027-01-01 10:00"),
        ("at 127.0.0.1:39881, 100 of them", "at 127.0.0.1:1024, 20,000 of them"),
        ('"prediction_id":"0b53bf5ca1a6a712ea9f0b2a3bdb5a0c"', '"prediction_id":"ae312b5512c6db780a505b4660714d0b"'),
        ("weir-scored-at 2026-11-20T09:07:57.588+00:00", "weir-scored-at 2026-11-20T09:07:58.001+00:00"),
        ("└───────┘", "└──┘"),
    ],
)
def test_numbers_match_others(expected: str, printed: str) -> None:
    assert matches([expected], [printed])


@pytest.mark.parametrize(
    ("expected", "printed"),
    [("0 lost", "3 lost"), ("0 lost", "12 lost"), ("passed", "failed"), ("fraud:1", "fraud:2"), ("a", "a b")],
)
def test_words_and_lone_digits_match_themselves(expected: str, printed: str) -> None:
    assert not matches([expected], [printed])


def test_dots_match_any_lines() -> None:
    assert matches(["a", "...", "z"], ["a", "z"])
    assert matches(["a", "...", "z"], ["a", "b", "z", "c", "z"])
    assert matches(["..."], [])
    assert not matches(["a", "...", "z"], ["a", "b"])
    assert not matches([], ["a"])


def test_a_block_is_cut_into_commands_and_what_they_print() -> None:
    block = Block(language="console", file="", text="$ a \\\n    b\n1\n2\n$ c\n", line=10)
    assert [(step.command, step.expected, step.line) for step in steps(block)] == [
        ("a \\\n    b", ["1", "2"], 11),
        ("c", [], 15),
    ]


def test_what_is_set_or_started_lasts_to_the_next_command(tmp_path: Path) -> None:
    with Shell(tmp_path, GREETING="hello") as shell:
        assert shell.run('export NAME="$GREETING you"') == ([], 0)
        assert shell.run('echo "$NAME"; cat') == (["hello you"], 0)
        assert shell.run("sleep 60 &") == ([], 0)
        assert shell.run("kill %1; wait %1") == ([], 143)
        assert shell.run("echo wrong >&2; false") == (["wrong"], 1)
        with pytest.raises(TimeoutError, match=r"takes longer than 0\.2 s"):
            shell.run("sleep 60", seconds=0.2)
