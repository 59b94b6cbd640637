"""The FAQ example: measured, certified, and answering questions in words with the best five matches."""

import json

import pytest

from examples.faq.ask import LEAST_SURE, ask
from examples.faq.questions import faqs
from examples.faq.release import release
from examples.faq.train import train
from models import LocalStore, load_pipeline, parse_reference
from scoring import Event, Rejected
from scoring.errors import ModelNotFoundError, ScoringError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = LocalStore(tmp_path_factory.mktemp("store"))
    release(store)
    return store


@pytest.fixture(scope="module")
def pipeline(store):
    return load_pipeline(store, parse_reference("faq@champion"))


def answers(pipeline, questions):
    return pipeline.score([Event(json.dumps({"question": question}).encode()) for question in questions])


def test_every_faq_is_asked_in_many_ways_and_none_twice():
    known = faqs().values()
    phrasings = [text for faq in known for text in (faq.question, *faq.asked, *faq.held_back)]

    assert 30 <= len(known) <= 60
    assert all(len(faq.asked) >= 6 and len(faq.held_back) >= 2 for faq in known)
    assert len({text.lower() for text in phrasings}) == len(phrasings)


def test_metrics():
    measured = train().properties

    assert measured["accuracy"] > 0.8
    assert measured["top_5_accuracy"] > 0.95
    assert measured["test_phrasings"] == 96


def test_release_certifies_text_and_names_the_champion(store):
    manifest = store.manifest("faq", 1)
    (feature,) = manifest.features

    assert store.aliases("faq") == {"champion": 1}
    assert (feature.name, feature.dtype) == ("question", "text")
    assert (manifest.task, manifest.outputs.top_k) == ("multiclass", 5)
    assert set(manifest.outputs.labels) == set(faqs())
    assert manifest.certificate is not None
    assert manifest.certificate.passed
    assert manifest.certificate.rows["held_back"] == 96
    assert manifest.certificate.rows["unseen"] > 0


def test_the_best_five_come_in_order_with_the_probabilities_of_scikit_learn(pipeline):
    rows = train().held_back_table
    expected = train().model.predict_proba(rows["question"])

    outcomes = answers(pipeline, rows["question"])

    for outcome, probabilities in zip(outcomes, expected, strict=True):
        best = sorted(probabilities, reverse=True)[:5]
        assert [each.score for each in outcome.scores] == pytest.approx(best, abs=1e-6)
        assert outcome.label == outcome.scores[0].label
    right = [outcome.label == label for outcome, label in zip(outcomes, rows["faq"], strict=True)]
    assert sum(right) / len(right) == pytest.approx(train().properties["accuracy"], abs=1e-4)


def test_one_question_alone_scores_as_in_a_batch(pipeline):
    questions = train().held_back_table["question"].tolist()

    alone = [answers(pipeline, [question])[0].scores for question in questions]
    assert alone == [outcome.scores for outcome in answers(pipeline, questions)]


def test_a_question_finds_its_answer(store):
    best, *others = ask(store, "How expensive is it to pay in DOLLARS?!")

    assert best.faq.id == "abroad-fee"
    assert best.probability > 0.5
    assert len(others) == 4


@pytest.mark.parametrize("question", ["zzyzx", "", "?", "\u4f60\u597d"])
def test_words_that_no_faq_has_fit_none_well(store, question):
    assert ask(store, question)[0].probability < LEAST_SURE


def test_a_question_that_is_far_too_long_is_refused(store, pipeline):
    (outcome,) = answers(pipeline, ["card " * 5000])
    assert isinstance(outcome, Rejected)

    with pytest.raises(ScoringError) as error:
        ask(store, "card " * 5000)
    assert str(error.value).startswith("the question cannot be answered: question ")


def test_without_a_model_nothing_is_asked(tmp_path):
    with pytest.raises(ModelNotFoundError):
        ask(LocalStore(tmp_path), "my card is lost")
