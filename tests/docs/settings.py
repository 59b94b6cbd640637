"""Every key of weir.yaml with its default, as the settings have them and as the documents list them."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tests.docs.pages import pages
from weir.settings import Settings

__all__ = ["actual", "documented"]

_ROW = re.compile(r"^\| `(?P<key>[a-z_.]+)` \| (?P<default>[^|]+) \|", re.MULTILINE)


def documented() -> dict[str, str]:
    """The defaults that tables in the documents give, by key; a row's second cell, without its quotes."""
    texts = [page.read_text(encoding="utf-8") for page in pages()]
    roots = tuple(Settings.model_fields)
    rows = {match["key"]: match["default"].strip("` ") for text in texts for match in _ROW.finditer(text)}
    return {key: default for key, default in rows.items() if key.split(".")[0] in roots}


def actual() -> dict[str, str]:
    """The defaults of the settings, by key.

    A group of keys that stands in two places is listed below the first alone; the second is a row of its own.
    """
    return dict(_rows(Settings, "", set()))


def _rows(model: type[BaseModel], prefix: str, known: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        groups = list(_groups(field.annotation))
        if not groups or known.issuperset(groups) or not (isinstance(field.annotation, type) or len(groups) > 1):
            yield key, _shown(field.get_default(call_default_factory=True))
        for group in groups:
            if group not in known:
                known.add(group)
                yield from _rows(group, f"{key}.", known)


def _groups(annotation: Any) -> Iterator[type[BaseModel]]:
    """The settings inside an annotation: a model, a model or None, one of several models, a list of models."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _groups(part)


def _shown(default: Any) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None or default == ():
        return "none"
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return "on" if isinstance(default, BaseModel) else str(default)
