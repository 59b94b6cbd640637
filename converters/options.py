"""What skl2onnx must be told about each part of an estimator, wherever the part sits."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from skl2onnx._parse import sklearn_parsers_map
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from converters.steps import Step
from scoring.errors import ConversionError

__all__ = ["conversion_options"]

_TOKEN_PATTERN: Final = r"(?u)\b\w\w+\b"  # noqa: S105 - scikit-learn's default expression, not a secret
# skl2onnx replaces the default by [a-zA-Z0-9_]+, which keeps one-letter tokens. RE2's \w is ASCII: \p speaks of all.
_TOKEN_RE2: Final = r"[\p{L}\p{N}_][\p{L}\p{N}_]+"  # noqa: S105 - an expression, not a secret


def conversion_options(steps: Iterable[Step]) -> dict[int | type, dict[str, Any]]:
    """The options for every part: no maps of probabilities, and texts cut as scikit-learn cuts them.

    Args:
        steps: the estimator's parts, as `steps.walk` yields them.

    Returns:
        Options by class for what holds for a whole class, by identity for what hangs on one part's parameters.

    Raises:
        ConversionError: a text vectorizer whose parameters ONNX cannot express.
    """
    options: dict[int | type, dict[str, Any]] = {
        kind: {"zipmap": False} for kind in sklearn_parsers_map if "zipmap" in _allowed(kind)
    }
    for step in steps:
        if isinstance(step.estimator, CountVectorizer):
            options[id(step.estimator)] = _text_options(step)
    return options


def _allowed(kind: type) -> Mapping[str, Any]:
    try:
        return get_converter(sklearn_operator_name_map[kind]).get_allowed_options() or {}
    except (KeyError, ValueError):  # parsed, but never converted as itself
        return {}


def _text_options(step: Step) -> dict[str, Any]:
    vectorizer: CountVectorizer | TfidfVectorizer = step.estimator
    remedy = "Use analyzer='word', the default token_pattern, and clean the texts before the pipeline."
    for parameter, wanted in (
        ("analyzer", "word"),
        ("strip_accents", None),
        ("preprocessor", None),
        ("tokenizer", None),
    ):
        if getattr(vectorizer, parameter) != wanted:
            raise ConversionError(f"ONNX has nothing for this {parameter}", step=str(step), remedy=remedy)
    if vectorizer.stop_words is not None and vectorizer.ngram_range[1] > 1:
        # skl2onnx reads an attribute that scikit-learn dropped, and so would pair words across a stop word.
        raise ConversionError(
            "stop words are not removed before words are paired",
            step=str(step),
            remedy="Use ngram_range=(1, 1), or no stop_words.",
        )
    pattern = vectorizer.token_pattern
    ascii_only = all(word.isascii() for word in vectorizer.vocabulary_)
    return {
        "tokenexp": _TOKEN_RE2 if pattern == _TOKEN_PATTERN else pattern,
        # Every machine has "C", but only letters without accents have a lower case there.
        "locale": "C" if ascii_only else "C.UTF-8",
    }
