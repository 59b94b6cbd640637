"""References: three spellings, and nothing that could be a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Reference, parse_reference
from models.references import is_name
from scoring.errors import ConfigurationError

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fraud", Reference(name="fraud")),
        ("fraud:3", Reference(name="fraud", version=3)),
        ("fraud@champion", Reference(name="fraud", alias="champion")),
        ("a.b_c-1:999999999", Reference(name="a.b_c-1", version=999999999)),
    ],
)
def test_a_reference_is_read_and_written(text, expected):
    assert parse_reference(text) == expected
    assert str(expected) == text


@given(names, st.none() | st.integers(1, 999999999) | names)
def test_every_reference_survives_its_text(name, more):
    version = more if isinstance(more, int) else None
    reference = Reference(name=name, version=version, alias=more if isinstance(more, str) else None)
    assert parse_reference(str(reference)) == reference


BAD = ["", "Fraud", "fraud:", "fraud:0", "fraud:03", "fraud:-1", "fraud:x", "fraud:1000000000", "fraud@", "fraud@A"]
BAD += [
    "fraud:1@champion",
    "fraud@champion:1",
    "../x",
    "x/y",
    "/etc",
    ".",
    "..",
    ".hidden",
    "a\n",
    " a",
    "a b",
    "é",
    "a" * 65,
    "a@../x",
    "٣",
    "a:٣",
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_reference(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_reference(text)
    assert str(caught.value) == (
        f"model reference {text!r}: expected name, name:3 or name@champion, "
        "in lower-case letters, digits, dots, dashes and underscores"
    )


@given(st.text(max_size=8))
def test_a_name_leads_nowhere_else(text):
    if is_name(text):
        assert not {"/", "\\", "\0", "\n"} & set(text)
        assert not text.startswith(".")
