"""What pydantic found wrong, in words."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scoring.validation import in_words


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = 1
    password: str = Field(default="", max_length=3)
    api_key: int = 0


class Outer(BaseModel):
    inner: Inner = Inner()
    items: tuple[int, ...] = Field(default=(1,), min_length=1)
    mode: str = "a"

    @model_validator(mode="after")
    def _consistent(self):
        if self.mode == "b" and self.inner.size == 1:
            raise ValueError("mode b needs a size")
        return self


def words(value) -> str:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(value)
    return in_words(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"inner": {"size": "big"}},
            "inner.size: Input should be a valid integer, unable to parse string as an integer (found 'big')",
        ),
        ({"inner": {"size": None}}, "inner.size: Input should be a valid integer"),
        ({"inner": {"sise": 3}}, "inner.sise: there is no such key"),
        ({"items": []}, "items: Tuple should have at least 1 item after validation, not 0"),
        (
            {"items": [1, 1.5]},
            "items.1: Input should be a valid integer, got a number with a fractional part (found 1.5)",
        ),
        ({"mode": "b"}, "mode b needs a size"),
        (
            {"inner": 3, "mode": 4},
            (
                "inner: Input should be a valid dictionary or instance of Inner (found 3); "
                "mode: Input should be a valid string (found 4)"
            ),
        ),
    ],
)
def test_each_problem_names_its_field_and_value(value, expected):
    assert words(value) == expected


def test_a_missing_field():
    class Needs(BaseModel):
        name: str

    with pytest.raises(ValidationError) as caught:
        Needs.model_validate({})
    assert in_words(caught.value) == "name: is missing"


@pytest.mark.parametrize(("field", "value"), [("password", "hunter22"), ("api_key", "hunter22")])
def test_a_secret_is_never_shown(field, value):
    message = words({"inner": {field: value}})
    assert message.startswith(f"inner.{field}: ")
    assert "hunter22" not in message


def test_a_long_value_is_not_shown():
    assert "xxx" not in words({"inner": {"size": "x" * 100}})


def test_a_tuple_is_not_too_short_for_lack_of_items_that_are_wrong_themselves():
    assert words({"items": ["x"]}) == (
        "items.0: Input should be a valid integer, unable to parse string as an integer (found 'x')"
    )
