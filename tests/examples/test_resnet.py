"""The ResNet example: the shape of the published network, and a tiny one of the same builder that runs."""

import base64
import io
import json

import numpy as np
import onnx
import pytest
from PIL import Image

from examples.resnet.architecture import RESNET_152, Architecture, blocks
from examples.resnet.build import build
from examples.resnet.release import release
from models import LocalStore, load_pipeline, parse_reference, run_raw
from scoring import Event
from scoring.errors import ModelRefusedError

TINY = Architecture(stages=(1, 2, 1, 1), width=4, side=32, classes=10)
CHAMPION = parse_reference("resnet@champion")


def noise(count, side):
    return np.random.default_rng(1).uniform(0, 255, (count, 3, side, side)).astype(np.float32)


def test_the_full_size_is_the_published_networks():
    folded = [RESNET_152.stem, *(one for block in blocks(RESNET_152) for one in block.convolutions)]
    normalisations = sum(one.outputs for one in folded)  # a weight and a bias a channel, of which the bias is kept

    assert RESNET_152.layers == 152
    assert len(folded) == 155
    assert RESNET_152.parameters + normalisations == 60_192_808


def test_other_sizes_have_their_names_too():
    assert Architecture(stages=(3, 4, 6, 3)).layers == 50
    assert Architecture(stages=(3, 4, 23, 3)).layers == 101


def test_the_tiny_network_holds_as_many_weights_as_it_says():
    graph = build(TINY).graph

    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    assert sum(sizes.values()) - sizes["means"] - sizes["deviations"] == TINY.parameters
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in graph.initializer)


def test_the_graph_is_whole_and_the_same_for_the_same_seed():
    model = build(TINY, seed=3)

    onnx.checker.check_model(model, full_check=True)
    serialised = model.SerializeToString(deterministic=True)
    assert serialised == build(TINY, seed=3).SerializeToString(deterministic=True)
    assert serialised != build(TINY, seed=4).SerializeToString(deterministic=True)


def test_it_gives_probabilities_that_depend_on_the_image():
    (found,) = run_raw(build(TINY).SerializeToString(), {"image": noise(5, TINY.side)})

    assert found.shape == (5, 10)
    assert found.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-6)
    assert len(np.unique(found, axis=0)) == 5


def test_depth_does_not_blow_the_values_up():
    deep = Architecture(stages=(2, 2, 40, 2), width=4, side=32, classes=10)

    (found,) = run_raw(build(deep).SerializeToString(), {"image": noise(5, 32)})

    assert found.max() < 0.999


def test_it_is_stored_without_a_certificate_and_served_only_on_request(tmp_path):
    store = LocalStore(tmp_path)
    manifest = release(store, architecture=TINY)

    assert manifest.certificate is None
    assert manifest.tags["weights"] == "random, trained on nothing"
    assert manifest.properties == {"layers": TINY.layers, "parameters": TINY.parameters, "seed": 0}
    assert store.aliases("resnet") == {"champion": 1}
    with pytest.raises(ModelRefusedError) as error:
        load_pipeline(store, CHAMPION)
    assert str(error.value).startswith("resnet:1 has no certificate: ")


def test_pictures_go_in_and_predictions_say_that_they_are_not_certified(tmp_path):
    store = LocalStore(tmp_path)
    release(store, architecture=TINY)
    pipeline = load_pipeline(store, CHAMPION, allow_uncertified=True)
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)).save(file, "jpeg")

    (outcome,) = pipeline.score([Event(json.dumps({"image": base64.b64encode(file.getvalue()).decode()}).encode())])

    assert len(outcome.scores) == 5
    assert outcome.model.certified is False
