"""The questions that a card issuer is asked most: how customers put them, and what to answer.

They stand in ``faqs/*.yaml``, written for this example; the bank is nobody's. ``asked`` is learnt from, ``held_back``
is what the model is measured on.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = ["Faq", "Phrasing", "faqs"]

_FOLDER: Final = Path(__file__).with_name("faqs")

Phrasing = Annotated[str, Field(min_length=1, max_length=200)]


class Faq(BaseModel):
    """A frequently asked question.

    Attributes:
        id: its short name, the label of the model.
        question: as it stands in the list.
        answer: what to tell the customer.
        asked: how customers put it.
        held_back: how others put it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]
    question: Phrasing
    answer: str
    asked: Annotated[tuple[Phrasing, ...], Field(min_length=2)]
    held_back: Annotated[tuple[Phrasing, ...], Field(min_length=1)]


@cache
def faqs() -> dict[str, Faq]:
    """Returns all of them by their short name, in the order of the files.

    Raises:
        ValueError: two have the same short name, or one lacks a part.
    """
    listed = TypeAdapter(list[Faq])
    read = [
        faq
        for path in sorted(_FOLDER.glob("*.yaml"))
        for faq in listed.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    ]
    known = {faq.id: faq for faq in read}
    if len(known) < len(read):
        raise ValueError("two FAQs have the same id")
    return known
