import hashlib
import json

import pyarrow as pa
import pytest
from pydantic import SecretStr

from telemetry.collection.hashing import Hasher
from telemetry.collection.layout import layout_of
from telemetry.collection.parquet import encode_parquet
from telemetry.collection.rows import keep
from tests.observing.collection.making import (
    KEY,
    card_manifest,
    facts_of,
    payment,
    pipeline_of,
    placed,
    read,
    settings,
)
from tests.scoring.makers import base64_text, event, feature, image_bytes, manifest

TIME_US = 1_763_640_000_000_001


def table(model, events, form="event", **more):
    """The file of two batches: all events, and the first again."""
    chosen, facts = settings(hash_key=KEY, **more), facts_of(pipeline_of(model), events, form)
    layout = layout_of(model, chosen)
    batches = [keep(facts, places, layout, TIME_US) for places in (list(range(len(events))), [0])]
    return read(bytes(encode_parquet(batches, Hasher(SecretStr(KEY)))))


def hashed(value):
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=16, key=KEY.encode()).hexdigest().encode()


def test_all_that_a_row_has():
    events = placed([event(**payment(number)) for number in range(2)])
    model = card_manifest()
    outcomes = pipeline_of(model).score(events)
    found = table(model, events, sensitive=["card"])
    assert found.num_rows == 3
    assert found.schema.names == [
        "prediction_id", "model", "digest", "label", "score", "time", "stream", "partition", "offset",
        "id", "amount", "country", "card",
    ]  # fmt: skip
    assert found.schema.field("time").type == pa.timestamp("us", "UTC")
    first, second, _ = found.to_pylist()
    assert str(first.pop("time")) == "2025-11-20 12:00:00.000001+00:00"
    assert first == {
        "prediction_id": outcomes[0].prediction_id,
        "model": "model:1",
        "digest": model.digest,
        "label": "no",
        "score": 0.0,
        "stream": "tx",
        "partition": 0,
        "offset": 0,
        "id": "tx-0",
        "amount": 0.0,
        "country": "de",
        "card": hashed("4000000000000000"),
    }
    assert (second["score"], second["country"]) == (outcomes[1].score, None)


def test_dtypes_stay_and_nulls_are_nulls():
    kinds = ["float32", "float64", "int64", "bool", "string", "text"]
    model = manifest(*(feature(kind, kind, nullable=kind not in {"int64", "bool"}) for kind in kinds))
    full = {"float32": 0.1, "float64": 0.1, "int64": 2**53 + 1, "bool": True, "string": "s", "text": "é"}
    found = table(model, [event(**full), event(int64=-1, bool=False)])
    assert [found.schema.field(kind).type for kind in kinds] == [
        pa.float32(), pa.float64(), pa.int64(), pa.bool_(), pa.string(), pa.string(),
    ]  # fmt: skip
    first, second, _ = found.select(kinds).to_pylist()
    assert first == full | {"float32": pytest.approx(0.1)}
    assert second == dict.fromkeys(kinds) | {"int64": -1, "bool": False}


def test_a_sensitive_value_is_hashed_as_the_model_was_fed_it_and_a_null_stays_one():
    model = manifest(feature("x", nullable=True), feature("n", "int64"), feature("t", "string", nullable=True))
    found = table(model, [event(x=0.1, n=7, t="é"), event(n=8)], sensitive=["x", "n", "t"])
    first, second, _ = found.select(["x", "n", "t"]).to_pylist()
    exact = 0.10000000149011612  # of 0.1 in 32 bits
    key = KEY.encode()
    text = hashlib.blake2b('"é"'.encode(), digest_size=16, key=key).hexdigest().encode()
    assert first == {"x": hashed(exact), "n": hashed(7), "t": text}
    assert second == {"x": None, "n": hashed(8), "t": None}
    assert found.schema.field("t").type == pa.binary()


def test_ids_of_something_sensitive_are_hashed():
    events = [event(**payment(1))]
    (outcome,) = pipeline_of(card_manifest()).score(events)
    found = table(card_manifest(), events, sensitive=["id"]).to_pylist()[0]
    assert (found["id"], found["prediction_id"]) == (hashed("tx-1"), hashed(outcome.prediction_id))


def test_a_model_without_ids_has_no_column_of_them():
    found = table(manifest(feature("x")), [event(x=1)])
    assert found.schema.names == ["prediction_id", "model", "digest", "label", "score", "time", "x"]
    assert found.to_pylist()[0]["label"] is None


def test_a_record_has_no_id():
    found = table(card_manifest(), [event(amount=1, card="4", country="de")], form="record")
    assert found.to_pylist()[0]["id"] is None


@pytest.mark.parametrize(("labels", "kind"), [(("a", "b", "c"), pa.string()), ((1, 2, 3), pa.int64())])
def test_classes_have_their_scores(labels, kind):
    model = manifest(feature("x"), task="multiclass", outputs={"labels": labels, "top_k": 2})
    found = table(model, [event(x=0.5)])
    first = found.to_pylist()[0]
    assert found.schema.field("label").type == kind
    assert [each["label"] for each in first["scores"]] == [labels[0], labels[1]]
    assert (first["label"], first["score"]) == (first["scores"][0]["label"], first["scores"][0]["score"])


def test_images_and_tensors_are_their_cells():
    from PIL import Image

    picture = base64_text(image_bytes(Image.new("L", (2, 2), 255)))
    model = manifest(feature("grid", "tensor", shape=(2, 3)), feature("picture", "image", shape=(1, 2, 2)))
    cells = [[1, 2, 3], [4, 5, 6]]
    found = table(model, [event(grid=cells, picture=picture)] * 2, columns=["grid", "picture"])
    assert found.schema.field("grid").type == pa.list_(pa.float32(), 6)
    assert found.to_pylist()[1]["grid"] == [1, 2, 3, 4, 5, 6]
    assert len(found.to_pylist()[1]["picture"]) == 4
    concealed = table(model, [event(grid=cells, picture=picture)], columns=["grid"], sensitive=["grid"])
    exact = json.dumps([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], separators=(",", ":")).encode()
    digest = hashlib.blake2b(exact, digest_size=16, key=KEY.encode()).hexdigest().encode()
    assert concealed.to_pylist()[0]["grid"] == digest
