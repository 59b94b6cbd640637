"""The tree of errors is the one that is drawn, and each error says what can be done."""

import inspect
import re

import pytest

from scoring import errors
from scoring.errors import (
    CertificateError,
    ConversionError,
    ManifestError,
    ModelNotFoundError,
    ModelRefusedError,
    StoreBusyError,
    StoreError,
    StreamError,
    WeirError,
)

CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, WeirError)}


def drawn_parents():
    """The parent of each class in the docstring's tree."""
    parents, above = {}, ["WeirError"]
    for line in errors.__doc__.splitlines():
        match = re.match(r"((?:│   |    )*)[├└]── (\w+)\s+\S", line)
        if match:
            depth = len(match[1]) // 4 + 1
            del above[depth:]
            parents[match[2]] = above[-1]
            above.append(match[2])
    return parents


def test_the_drawn_tree_is_the_classes():
    assert drawn_parents() == {name: kind.__base__.__name__ for name, kind in CLASSES.items() if name != "WeirError"}


def test_all_classes_are_offered():
    assert errors.__all__ == sorted(CLASSES)


@pytest.mark.parametrize(
    ("name", "retryable", "status"),
    [
        ("CertificateError", False, 422),
        ("ConfigurationError", False, 500),
        ("ConversionError", False, 422),
        ("ManifestError", False, 500),
        ("ModelNotFoundError", False, 404),
        ("ModelRefusedError", False, 503),
        ("ScoringError", False, 500),
        ("SinkError", True, 503),
        ("SourceError", True, 503),
        ("StalledError", True, 503),
        ("StoreBusyError", True, 503),
        ("StoreError", False, 503),
        ("StreamError", True, 503),
        ("WeirError", False, 500),
    ],
)
def test_what_each_class_says(name, retryable, status):
    kind = CLASSES[name]
    assert (kind.retryable, kind.status) == (retryable, status)
    assert kind.__doc__


def test_every_class_is_in_the_table_above():
    (mark,) = test_what_each_class_says.pytestmark
    assert [row[0] for row in mark.args[1]] == errors.__all__


def test_each_is_caught_by_its_group():
    assert issubclass(CertificateError, ConversionError)
    assert issubclass(ModelNotFoundError, StoreError)
    assert issubclass(StoreBusyError, StoreError)
    assert not issubclass(ModelRefusedError, StoreError)
    assert not issubclass(ManifestError, StreamError)


@pytest.mark.parametrize(
    ("step", "remedy", "expected"),
    [
        ("", "", "no converter"),
        ("scale: Spline", "", "scale: Spline: no converter"),
        ("", "use bins", "no converter. use bins"),
        ("scale: Spline", "use bins", "scale: Spline: no converter. use bins"),
    ],
)
def test_a_conversion_error_names_step_and_remedy(step, remedy, expected):
    error = ConversionError("no converter", step=step, remedy=remedy)
    assert str(error) == expected
    assert (error.step, error.remedy) == (step, remedy)
