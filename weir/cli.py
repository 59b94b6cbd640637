"""The command line: which commands there are, and how an error is told.

A command is imported when it is called, and not before: `weir --help` must not wait for scikit-learn or onnxruntime.
To add one, name its module and its function (or its group of functions) in `_COMMANDS`.
"""

import os
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from scoring.errors import ConfigurationError, WeirError

if TYPE_CHECKING:
    from telemetry.logs import Redactor

__all__ = ["app", "main"]

_EXIT_FAILED: Final = 1
_EXIT_MISUSED: Final = 2
_EXIT_UNEXPECTED: Final = 70  # EX_SOFTWARE of sysexits.h


class _Entry(NamedTuple):
    """Where a command is found, and the line that `weir --help` shows."""

    target: str
    summary: str


_COMMANDS: Final = {
    "demo": _Entry(
        "weir.demo.command:command", "See it work: train, certify, and score a stream on this machine alone."
    ),
    "convert": _Entry("weir.convert:command", "Turn a fitted estimator into a certified model in the store."),
    "drift": _Entry("weir.drift.command:command", "Compare past events with a model's training, feature by feature."),
    "doctor": _Entry("weir.doctor:command", "Check a configuration against what it points to, and say what is wrong."),
    "invoke": _Entry("weir.invoke:command", "Score a file of events against an endpoint or from the store."),
    "models": _Entry("weir.models:app", "List, show, verify and promote the models in a store."),
    "redrive": _Entry("weir.redrive:command", "Send dead letters back to where they came from, after a fix."),
    "replay": _Entry("weir.replay.command:command", "Score past events from archives, to files or to the stream."),
    "serve": _Entry("weir.serve:command", "Answer over HTTP until told to stop."),
    "worker": _Entry("weir.worker:command", "Score a stream until told to stop."),
}


class _Lazy(TyperCommand):
    """Stands in for a command until it is called."""

    def __init__(self, name: str, entry: _Entry) -> None:
        super().__init__(name, help=entry.summary, short_help=entry.summary)
        self._target = entry.target

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command, and let it read its arguments."""
        module, _, attribute = self._target.partition(":")
        found = getattr(import_module(module), attribute)
        group = found if isinstance(found, typer.Typer) else _alone(found)
        return typer.main.get_command(group).make_context(info_name, args, parent, **extra)


class _Commands(TyperGroup):
    """All commands, each by its stand-in."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in _COMMANDS.items():
            self.add_command(_Lazy(name, entry))


def _alone(function: Any) -> typer.Typer:
    group = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    group.command()(function)
    return group


app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"weir {_version()}")
        raise typer.Exit


def _version() -> str:
    try:
        return version("weir")
    except PackageNotFoundError:  # it runs from its checkout and is installed nowhere
        return "0.1.0"


@app.callback()
def weir(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Weir: certified scikit-learn models, scored in real time.

    Each command has its own help, with an example: weir convert --help
    """


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 misused, 70 unexpected, 130 interrupted."""
    try:
        app(prog_name="weir")
    except WeirError as error:
        redacted = _redactor()
        _trace(error, redacted)
        sys.stderr.write(f"error: {redacted.text(str(error))}\n")
        sys.exit(_EXIT_MISUSED if isinstance(error, ConfigurationError) else _EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, nobody is shown a bare stack trace
        redacted = _redactor()
        if not _trace(error, redacted):
            sys.stderr.write(
                f"error: unexpected {type(error).__name__}: {redacted.text(str(error))}\n"
                "This is a defect in Weir. Run it again with WEIR_TRACE=1 to see where it happened.\n"
            )
        sys.exit(_EXIT_UNEXPECTED)
    sys.exit(0)


def _redactor() -> "Redactor":
    """Return what takes secrets out of an error: somebody may have written one where another value belongs."""
    from telemetry.logs import Redactor, secrets_in  # noqa: PLC0415 - only errors need it, and they can wait

    return Redactor(secrets_in(None, os.environ))


def _trace(error: BaseException, redactor: "Redactor") -> bool:
    """Show the stack trace where it was asked for."""
    from telemetry.logs import exception_text  # noqa: PLC0415 - see above

    asked = os.environ.get("WEIR_TRACE", "") not in {"", "0"}
    if asked:
        sys.stderr.write(exception_text(error, redactor).stack + "\n")
    return asked
