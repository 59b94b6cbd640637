"""Which models can be compared, and what is said of those that cannot."""

import pytest

from scoring import Manifest, Outputs
from scoring.errors import ConfigurationError
from stream_worker.replay.backtest.terms import MAX_LABELS, Terms, terms_between
from tests.scoring.makers import feature, manifest


def binary(labels=("no", "yes"), positive="yes", **more) -> Manifest:
    threshold = more.pop("threshold", None)
    outputs = Outputs(labels=labels, positive=positive, threshold=threshold)
    return manifest(feature("x"), task="binary", outputs=outputs, **more)


def several(*labels, top_k=5, **more) -> Manifest:
    return manifest(task="multiclass", outputs=Outputs(labels=labels, top_k=top_k), **more)


def refused(one: Manifest, other: Manifest) -> str:
    with pytest.raises(ConfigurationError) as raised:
        terms_between(one, other)
    return str(raised.value)


def test_two_labels():
    terms = terms_between(binary(threshold=0.3), binary(version=2))
    assert terms == Terms(task="binary", labels=("no", "yes"), positive=1, thresholds=(0.3, None))
    assert terms.is_bounded
    assert terms.decides


def test_labels_in_another_order_are_the_same():
    terms = terms_between(binary(), binary(labels=("yes", "no"), version=2))
    assert (terms.labels, terms.positive) == (("no", "yes"), 1)


def test_several_labels_are_those_of_both():
    terms = terms_between(several("a", "b", "c"), several("d", "a", "b", top_k=2, version=2))
    assert terms == Terms(task="multiclass", labels=("a", "b", "c", "d"), top_k=2)


def test_values_have_no_labels():
    terms = terms_between(manifest(), manifest(version=2))
    assert terms == Terms(task="regression")
    assert not terms.is_bounded
    assert not terms.decides


def test_other_features_may_be_compared():
    assert terms_between(manifest(feature("x")), manifest(feature("y"))).task == "regression"


def test_other_tasks_may_not():
    assert refused(binary(), manifest(version=2)) == (
        "model:1 and model:2 cannot be compared: the first is a binary model and the second a regression model"
    )


def test_other_labels_may_not():
    assert refused(binary(), binary(labels=(0, 1), positive=1, version=2)) == (
        "model:1 and model:2 cannot be compared: the first decides between 'no' or 'yes', the second 0 or 1"
    )


def test_another_positive_may_not():
    assert refused(binary(), binary(positive="no", version=2)) == (
        "model:1 and model:2 cannot be compared: the score of the first is the probability of 'yes', that of the "
        "second of 'no'; convert one of them again with --positive"
    )


def test_too_many_labels_may_not():
    many = several(*map(str, range(MAX_LABELS)))
    assert terms_between(many, several("0", "1")).labels == tuple(map(str, range(MAX_LABELS)))
    assert refused(many, several("0", "more", version=2)) == (
        "model:1 and model:2 cannot be compared: they have 1025 labels; at most 1024 are compared"
    )
