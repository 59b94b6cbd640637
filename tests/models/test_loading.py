"""From a store to a pipeline: only what is certified and untampered is served."""

import json
from hashlib import sha256

import numpy as np
import pytest

from models import LocalStore, Reference, load_pipeline, load_scorer, parse_reference
from scoring import Event, Manifest, Prediction, Rejected, encode
from scoring.errors import ManifestError, ModelNotFoundError, ModelRefusedError
from tests.models import graphs
from tests.models.graphs import CERTIFICATE, payments_manifest

MODEL = graphs.payments()
FAILED = CERTIFICATE.model_copy(update={"passed": False, "flips": 3})
CHAMPION = parse_reference("payments@champion")


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


@pytest.fixture
def add(store):
    def add(model: bytes = MODEL, **more) -> Manifest:
        return store.add(payments_manifest(model, **more), model)

    return add


def payment(**changes) -> Event:
    return Event(json.dumps({"amount": 0.5, "count": 1, "country": "de"} | changes).encode())


def refusal(kind, load, *args, **more) -> str:
    with pytest.raises(kind) as caught:
        load(*args, **more)
    return str(caught.value)


def test_a_certified_model_is_served(store, add):
    add()
    add(tags={"second": "yes"})
    store.set_alias("payments", "champion", 1)
    pipeline = load_pipeline(store, CHAMPION)
    assert pipeline.manifest == store.manifest("payments", 1)
    (outcome,) = pipeline.score([payment()])
    assert isinstance(outcome, Prediction)
    assert (outcome.model.name, outcome.model.version) == ("payments", 1)
    assert outcome.model.digest == sha256(MODEL).hexdigest()
    assert b"certified" not in encode([outcome])[0]


@pytest.mark.parametrize(("text", "version"), [("payments", 2), ("payments:1", 1), ("payments@champion", 1)])
def test_any_reference_leads_to_its_version(store, add, text, version):
    add()
    add()
    store.set_alias("payments", "champion", 1)
    assert load_pipeline(store, parse_reference(text)).model.version == version


def test_a_model_without_a_certificate_is_refused(store, add):
    add(certificate=None)
    assert refusal(ModelRefusedError, load_pipeline, store, Reference(name="payments")) == (
        "payments:1 has no certificate: convert it again, or set allow_uncertified to serve it all the same"
    )


def test_a_model_that_failed_its_certificate_is_refused(store, add):
    add(certificate=FAILED)
    assert refusal(ModelRefusedError, load_pipeline, store, Reference(name="payments")) == (
        "payments:1 failed its certificate: convert it again, or set allow_uncertified to serve it all the same"
    )


@pytest.mark.parametrize("certificate", [None, FAILED], ids=["none", "failed"])
def test_an_uncertified_model_that_is_allowed_says_so_in_every_prediction(store, add, certificate):
    add(certificate=certificate)
    pipeline = load_pipeline(store, Reference(name="payments"), allow_uncertified=True)
    bodies = encode(pipeline.score([payment(count=number) for number in range(5)]))
    assert [json.loads(body)["model"]["certified"] for body in bodies] == [False] * 5


def test_allowing_does_not_mark_what_is_certified(store, add):
    add()
    pipeline = load_pipeline(store, Reference(name="payments"), allow_uncertified=True)
    assert b"certified" not in encode(pipeline.score([payment()]))[0]


@pytest.mark.parametrize("allow", [False, True])
def test_a_tampered_model_is_refused_whatever_is_allowed(store, add, tmp_path, allow):
    add(certificate=None if allow else CERTIFICATE)
    path = tmp_path / "payments" / "1" / "model.onnx"
    path.write_bytes(MODEL + b"\x00")
    found = sha256(MODEL + b"\x00").hexdigest()
    message = refusal(ModelRefusedError, load_pipeline, store, Reference(name="payments"), allow_uncertified=allow)
    assert message == f"payments:1: model.onnx has the SHA-256 {found}, its manifest says {sha256(MODEL).hexdigest()}"


def test_a_tampered_digest_is_refused(store, add, tmp_path):
    add()
    path = tmp_path / "payments" / "1" / "manifest.json"
    path.write_text(path.read_text().replace(sha256(MODEL).hexdigest(), "0" * 64))
    message = refusal(ModelRefusedError, load_pipeline, store, Reference(name="payments"))
    assert message.endswith("its manifest says " + "0" * 64)


def test_a_version_copied_under_another_name_is_refused(store, add, tmp_path):
    add()
    (tmp_path / "payments").rename(tmp_path / "loans")
    message = refusal(ModelRefusedError, load_pipeline, store, Reference(name="loans"))
    assert message == f"{tmp_path / 'loans' / '1' / 'manifest.json'} is the manifest of payments:1"


@pytest.mark.parametrize("name", ["../payments", "..", "payments/../payments", "/payments", "payments/1", ""])
def test_a_name_that_is_a_path_is_refused(add, tmp_path, name):
    add()
    inner = LocalStore(tmp_path / "payments")
    assert refusal(ModelNotFoundError, load_pipeline, inner, Reference(name=name, version=1)).startswith("no model ")


def test_what_is_not_there(store, add):
    add()
    assert refusal(ModelNotFoundError, load_pipeline, store, parse_reference("loans")) == (
        f"no model 'loans' in {store}; it holds payments"
    )
    assert refusal(ModelNotFoundError, load_pipeline, store, CHAMPION) == (
        "model 'payments' has no alias 'champion'; it has none"
    )


def test_an_alias_of_a_version_that_was_removed(store, add, tmp_path):
    add()
    (tmp_path / "payments" / "aliases.json").write_text('{"champion": 9}')
    message = refusal(ModelNotFoundError, load_pipeline, store, CHAMPION)
    assert message == f"{tmp_path / 'payments' / '9' / 'manifest.json'} does not exist"


def test_a_graph_that_must_not_run_is_refused_although_certified(store, add):
    add(b"not a graph")
    message = refusal(ModelRefusedError, load_pipeline, store, Reference(name="payments"))
    assert message == "payments:1: model.onnx is not an ONNX model"


def test_a_manifest_that_does_not_fit_its_graph_is_refused(store, add):
    add(features=graphs.PAYMENT_FEATURES[:2])
    message = refusal(ManifestError, load_pipeline, store, Reference(name="payments"))
    assert message == "payments:1: the manifest feeds [], the graph wants ['country']"


def test_the_certificates_padding_reaches_the_session(store):
    manifest = payments_manifest(
        graphs.row_counter(),
        task="regression",
        features=[{"name": "x", "path": ("x",), "dtype": "float32"}],
        graph={"form": "columns", "score": "score"},
        outputs={},
        certificate=CERTIFICATE.model_copy(update={"padding": 16}),
    )
    added = store.add(manifest, graphs.row_counter())
    scores = load_scorer(store, added).run({"x": np.zeros(3, np.float32)})
    assert scores.scores.ravel().tolist() == [16, 16, 16]


def test_the_largest_event_can_be_set(store, add):
    add()
    pipeline = load_pipeline(store, Reference(name="payments"), max_event_bytes=10)
    assert [outcome.code for outcome in pipeline.score([payment()])] == ["too_large"]


def test_a_real_session_gives_an_event_the_same_bytes_in_any_company(store, add):
    add()
    pipeline = load_pipeline(store, Reference(name="payments"))
    columns = graphs.payment_columns(300)
    events = [
        payment(amount=float(amount), count=int(count), country="xx" if row % 50 == 7 else country)
        if row % 11
        else Event(b"{")
        for row, (amount, count, country) in enumerate(zip(*columns.values(), strict=True))
    ]
    alone = [pipeline.score([event])[0] for event in events]
    for size in (1, 2, 7, 64, 300):
        parts = [pipeline.score(events[start : start + size]) for start in range(0, 300, size)]
        assert [outcome for part in parts for outcome in part] == alone
    codes = {row: outcome.code for row, outcome in enumerate(alone) if isinstance(outcome, Rejected)}
    assert {row for row, code in codes.items() if code == "scoring_failed"} == {7, 57, 107, 157, 207, 257}
    assert "OneHotEncoder" in alone[7].reason
    assert len({outcome.score for outcome in alone if isinstance(outcome, Prediction)}) > 10
