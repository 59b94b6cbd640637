"""`weir invoke`: score a file of events against a running endpoint, or straight from the store."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Form
from scoring.errors import ConfigurationError, WeirError

__all__ = ["command"]

_AT_ONCE = 500
_TIMEOUT_S = 120
_KEY = "WEIR_KEY"
_FORMS: dict[str, Form] = {"event": "event", "record": "record", "row": "row"}
_raw_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def command(
    file: Annotated[Path, typer.Argument(help="A .json file with an array, or a .jsonl file with one item a line.")],
    *,
    model: Annotated[str, typer.Option(help="name, name:3 or name@champion.")],
    url: Annotated[str | None, typer.Option(help=f"A running endpoint; its key is read from {_KEY}.")] = None,
    store: Annotated[Path, typer.Option(help="The store to score from, when no URL is given.")] = Path("store"),
    form: Annotated[
        str, typer.Option(help="event: features where the manifest's paths say; record: by name; row: by place.")
    ] = "event",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")] = False,
) -> None:
    """Score a file of events, and print a line for each: its prediction, or why there is none.

    Example: weir invoke events.jsonl --model fraud@champion --url http://127.0.0.1:8080
    """
    if form not in _FORMS:
        raise ConfigurationError(f"--form {form!r}: expected one of {', '.join(_FORMS)}")
    items = _read(file)
    outcomes = _from_store(store, model, items, _FORMS[form]) if url is None else _from_url(url, model, items, form)
    if as_json:
        sys.stdout.write("".join(f"{json.dumps(outcome)}\n" for outcome in outcomes))
    else:
        Console().print(_table(outcomes))
    if any("code" in outcome for outcome in outcomes):
        raise typer.Exit(1)


def _read(file: Path) -> list[bytes]:
    """Return the bytes of each item.

    Raises:
        ConfigurationError: the file cannot be read, is no JSON array, or has nothing in it.
    """
    try:
        content = file.read_bytes()
        items = list(map(bytes, _raw_items(content))) if file.suffix == ".json" else content.splitlines()
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{file} is no JSON array: {error}; call it .jsonl if it has an item a line"
        ) from error
    items = [item for item in items if item.strip()]
    if not items:
        raise ConfigurationError(f"{file} has no items")
    return items


def _from_store(store: Path, model: str, items: Sequence[bytes], form: Form) -> list[dict[str, Any]]:
    pipeline = load_pipeline(LocalStore(store), parse_reference(model))
    outcomes = pipeline.score([Event(item) for item in items], form)
    return [msgspec.json.decode(msgspec.json.encode(outcome)) for outcome in outcomes]


def _from_url(url: str, model: str, items: Sequence[bytes], form: str) -> list[dict[str, Any]]:
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"--url {url!r}: expected http:// or https://")
    where = f"{url.rstrip('/')}/models/{quote(model)}/predictions?form={form}"
    outcomes: list[dict[str, Any]] = []
    for start in range(0, len(items), _AT_ONCE):
        outcomes += _post(where, b"[" + b",".join(items[start : start + _AT_ONCE]) + b"]")
    return outcomes


def _post(where: str, body: bytes) -> list[dict[str, Any]]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ.get(_KEY, '')}"}
    request = urllib.request.Request(where, body, headers)  # noqa: S310 - its scheme was checked
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
            answered: list[dict[str, Any]] = json.load(response)
            return answered
    except urllib.error.HTTPError as error:
        raise WeirError(f"{where} answered {error.code}: {_detail(error.read())}") from error
    except OSError as error:
        raise WeirError(f"{where} does not answer: {getattr(error, 'reason', error)}") from error


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, LookupError, TypeError):
        return "without a reason"


def _table(outcomes: Sequence[dict[str, Any]]) -> Table:
    table = Table("#", "event", "label", "score", "why there is none")
    for number, outcome in enumerate(outcomes):
        if "code" in outcome:
            table.add_row(str(number), "", "", "", f"{outcome['code']}: {outcome['reason']}")
        else:
            label = "" if outcome["label"] is None else str(outcome["label"])
            table.add_row(str(number), outcome["event_id"] or "", label, f"{outcome['score']:.6g}", "")
    return table
