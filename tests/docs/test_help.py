"""Every command's help works, and its example is one that the command takes."""

import re

import pytest
import typer
from typer.testing import CliRunner

from weir.cli import app

COMMANDS = typer.main.get_command(app)


def all_commands() -> list[tuple[str, ...]]:
    """Every command and every one below it."""
    return [found for name in COMMANDS.commands for found in _below((name,))]


def _below(command: tuple[str, ...]) -> list[tuple[str, ...]]:
    _, _, below = help_of(*command).partition("─ Commands ─")
    names = re.findall(r"^│ ([a-z]+) ", below, re.MULTILINE)
    return [command, *(found for name in names for found in _below((*command, name)))]


def help_of(*command: str) -> str:
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return str(result.output)


@pytest.mark.parametrize("command", all_commands(), ids=" ".join)
def test_a_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    text = help_of(*command)
    example = re.search(rf"^ *Example: weir {' '.join(command)}\b(?P<rest>.*)$", text, re.MULTILINE)
    assert example is not None, f"no example in:\n{text}"
    options = re.findall(r"(?<!\S)--[a-z-]+", example["rest"])
    below = help_of(*command, example["rest"].split()[0]) if "─ Commands ─" in text else text
    assert [option for option in options if not re.search(rf"{option}\b", below)] == []
