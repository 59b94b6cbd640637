"""The digits example: the graph is the NumPy network, it reads well, and pictures of any size and kind go in."""

import json

import numpy as np
import onnx
import pytest

from examples.digits.filters import FILTERS, filters
from examples.digits.network import FEATURES, describe_images, to_graph
from examples.digits.pictures import event_of, picture
from examples.digits.release import release
from examples.digits.train import digits, held_back, probabilities, train
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Rejected

KEPT = held_back()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = LocalStore(tmp_path_factory.mktemp("store"))
    release(store)
    return store


@pytest.fixture(scope="module")
def pipeline(store):
    return load_pipeline(store, parse_reference("digits@champion"))


def read(pipeline, images, kind="png", scale=1):
    return pipeline.score([Event(event_of(picture(image, kind, scale=scale))) for image in images])


def test_each_filter_is_blind_to_plain_grey_and_they_all_differ():
    found = filters()

    assert found.shape == (FILTERS, 1, 3, 3)
    assert np.allclose(found.sum(axis=(2, 3)), 0)
    assert np.allclose(np.abs(found).sum(axis=(2, 3)), 1)
    assert len(np.unique(found.round(9).reshape(FILTERS, -1), axis=0)) == FILTERS


def test_an_edge_is_answered_by_the_filter_of_its_direction():
    image = np.zeros((1, 1, 8, 8))
    image[..., 4:] = 255  # dark on the left, light on the right

    answers = describe_images(image).reshape(FILTERS, 4, 4)[:8, 1:3, 1:3].sum(axis=(1, 2))

    assert describe_images(image).shape == (1, FEATURES)
    assert answers.argmax() == 0
    assert answers[4] == 0


def test_images_are_scikit_learns_in_256_shades():
    assert len(digits().labels) + len(KEPT.labels) == 1797
    assert (digits().images.min(), digits().images.max()) == (0, 255)
    assert KEPT.columns["image"].shape == (540, 1, 8, 8)


def test_metrics():
    measured = train().properties

    assert measured["accuracy"] > 0.98
    assert measured["top_5_accuracy"] > 0.995


def test_the_graph_is_whole_and_the_same_each_time():
    graph = to_graph(train().classifier)

    onnx.checker.check_model(graph, full_check=True)
    assert [node.op_type for node in graph.graph.node[:4]] == ["Conv", "Relu", "AveragePool", "Reshape"]
    again = to_graph(train().classifier)
    assert graph.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)


def test_release_certifies_images_and_names_the_champion(store):
    manifest = store.manifest("digits", 1)
    (feature,) = manifest.features

    assert store.aliases("digits") == {"champion": 1}
    assert (feature.dtype, feature.shape) == ("image", (1, 8, 8))
    assert (manifest.task, manifest.outputs.labels, manifest.outputs.top_k) == ("multiclass", tuple(range(10)), 5)
    assert manifest.certificate is not None
    assert manifest.certificate.passed
    assert manifest.certificate.rows["held_back"] == 540
    assert manifest.properties == train().properties


def test_png_files_are_read_as_numpy_and_scikit_learn_read_the_pixels(pipeline):
    expected = probabilities(train().classifier, KEPT.columns)

    outcomes = read(pipeline, KEPT.images)

    for outcome, one in zip(outcomes, expected, strict=True):
        assert [each.score for each in outcome.scores] == pytest.approx(sorted(one, reverse=True)[:5], abs=1e-5)
    right = [outcome.label == label for outcome, label in zip(outcomes, KEPT.labels, strict=True)]
    assert np.mean(right) == pytest.approx(train().properties["accuracy"], abs=1e-4)


@pytest.mark.parametrize(("kind", "scale"), [("jpeg", 1), ("png", 8), ("jpeg", 16)])
def test_pictures_of_other_kinds_and_sizes_are_read_as_well(pipeline, kind, scale):
    outcomes = read(pipeline, KEPT.images, kind, scale)

    assert np.mean([outcome.label == label for outcome, label in zip(outcomes, KEPT.labels, strict=True)]) > 0.95


def test_one_picture_alone_scores_as_in_a_batch(pipeline):
    images = KEPT.images[:100]

    alone = [read(pipeline, [image])[0].scores for image in images]
    assert alone == [outcome.scores for outcome in read(pipeline, images)]


def test_what_is_no_picture_is_refused_beside_one_that_is(pipeline):
    good, bad = event_of(picture(KEPT.images[0])), json.dumps({"image": "bm90IGEgcGljdHVyZQ=="}).encode()

    first, second = pipeline.score([Event(good), Event(bad)])

    assert first.label == KEPT.labels[0]
    assert isinstance(second, Rejected)
    assert second.code == "invalid_image"
