import pytest

from telemetry.collection.layout import layout_of
from tests.observing.collection.making import KEY, card_manifest, settings
from tests.scoring.makers import feature, manifest


def layout(model=None, **more):
    return layout_of(card_manifest() if model is None else model, settings(hash_key=KEY, **more))


def names(found):
    return [each.name for each in found.features]


def test_all_but_images_and_tensors():
    picture, grid = feature("picture", "image", shape=(1, 2, 2)), feature("grid", "tensor", shape=(2,))
    model = manifest(feature("x"), picture, grid)
    assert names(layout(model)) == ["x"]
    assert names(layout(model, columns=["grid", "picture"])) == ["picture", "grid"]


@pytest.mark.parametrize("called", ["card", "customer.card"])
def test_a_feature_is_named_by_its_name_or_its_path(called):
    model = manifest(feature("x"), feature("card", "string", path=("customer", "card")))
    found = layout(model, columns=[called], sensitive=[called])
    assert (names(found), found.hashed) == (["card"], {"card"})


def test_the_events_id_is_a_column_like_others():
    assert layout().event_id == "id"
    assert layout(columns=["amount"]).event_id is None
    assert layout(columns=["amount", "id"]).event_id == "id"
    assert layout(sensitive=["id"]).hashed == {"id"}


def test_what_is_sensitive_is_so_wherever_it_is_used():
    model = manifest(feature("number", "string", path=("card",)), feature("again", "string", path=("card",)),
                     event_id=("card",))  # fmt: skip
    for called in ("number", "again", "card"):
        found = layout(model, sensitive=[called])
        assert found.hashed == {"number", "again", "card"}
        assert found.hides_ids


def test_a_feature_that_is_the_id_too_has_one_column():
    found = layout(manifest(feature("id", "string"), event_id=("id",)), sensitive=["id"])
    assert (names(found), found.event_id, found.hashed) == (["id"], None, {"id"})


def test_the_predictions_columns_step_aside():
    model = manifest(feature("score"), feature("score_"), feature("time", "int64"), event_id=("model",))
    own = layout(model).own
    assert [own[name] for name in ("score", "time", "model", "label")] == ["score__", "time_", "model_", "label"]
    assert len(set(own.values())) == len(own)


@pytest.mark.parametrize(
    ("sensitive", "hides"),
    [([], (False, False)), (["card"], (False, True)), (["id"], (True, True)), (["unknown"], (False, False))],
)
def test_ids_that_are_made_of_something_sensitive(sensitive, hides):
    found = layout(sensitive=sensitive)
    assert (found.hides_ids, found.hides_bytes) == hides
