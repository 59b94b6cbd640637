"""The requests that users of the designs before this one make, answered in the same kind of shape (over HTTP)."""

import base64
import json

import pytest

from examples.diabetes.release import release as release_diabetes
from examples.diabetes.train import SAMPLE
from examples.digits.pictures import picture
from examples.digits.release import release as release_digits
from examples.digits.train import held_back
from examples.faq.release import release as release_faq
from examples.loans.release import release as release_loans
from models import LocalStore
from tests.http.running import KEY, Serving, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("rows")
    store = LocalStore(folder / "store")
    for release in (release_diabetes, release_loans, release_faq, release_digits):
        release(store)
    with serving(folder, folder / "store", model="loans@champion") as running:
        yield running


def asked(server: Serving, path: str, body: object, key: str = KEY) -> dict:
    status, answer = server.ask("POST", path, json.dumps(body).encode(), authorization=f"Bearer {key}")
    assert status == 200, answer
    return json.loads(answer)


def test_r1_records_with_either_key_in_any_order_of_columns(server: Serving) -> None:
    turned = {"data": [dict(reversed(record.items())) for record in SAMPLE["data"]]}
    first = asked(server, "/models/diabetes/score", SAMPLE)
    second = asked(server, "/models/diabetes/score", turned, key="secondary-key-of-tests-0001")
    assert first == second
    assert 25 < first["result"][0] < 350


def test_r2_rows_and_records_with_probabilities(server: Serving) -> None:
    rows = {"data": [[2000, 2, 45], [2000, 9, 45]], "method": "predict_proba"}
    names = ("income", "credit_cards", "age")
    records = {"data": [dict(zip(names, row, strict=True)) for row in rows["data"]], "method": "predict_proba"}
    answer = asked(server, "/score", rows)
    assert asked(server, "/score", records) == answer
    assert [round(sum(pair), 6) for pair in answer["predict_proba"]] == [1.0, 1.0]
    (good, _), (poor, _) = answer["predict_proba"]
    assert good > 0.9
    assert poor < 0.5
    assert asked(server, "/score", {"data": rows["data"], "method": "predict"}) == {"predict": ["approved", "denied"]}


def test_r2_a_swagger_file_for_power_bi(server: Serving) -> None:
    status, body = server.ask("GET", "/swagger.json")
    document = json.loads(body)
    assert (status, document["swagger"]) == (200, "2.0")
    assert {"ServiceInput", "ServiceOutput"} <= document["definitions"].keys()


def test_r4_a_question_gets_the_best_matches(server: Serving) -> None:
    (answer,) = asked(server, "/models/faq/predictions?form=row", [["My card was stolen, what should I do?"]])
    scores = [match["score"] for match in answer["scores"]]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert answer["label"] == answer["scores"][0]["label"]


def test_r5_a_picture_gets_its_five_likeliest_digits(server: Serving) -> None:
    data = held_back()
    right = 0
    for pixels, label in zip(data.images[:20], data.labels[:20], strict=True):
        row = [base64.b64encode(picture(pixels)).decode()]
        (answer,) = asked(server, "/models/digits/predictions?form=row", [row])
        assert len(answer["scores"]) == 5
        right += answer["label"] == label
    assert right >= 18
