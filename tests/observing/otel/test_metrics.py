import threading

from scoring import Rejected
from scoring.errors import SinkError
from stream_worker.facts import batch_facts
from telemetry import Stage
from telemetry.otel.metrics import RowMetrics, StreamMetrics
from telemetry.otel.models import Models
from tests.observing.otel.facts import BEGUN, SUBJECT, Figures, event, rows, run_through, stages

BATCH = [event(1, 0.1), event(2, 0.9), event(3, "much"), event(4, 1.5)]


def watched():
    figures = Figures()
    return figures, StreamMetrics(figures.meter, SUBJECT)


def test_what_came_in_and_what_it_came_to():
    figures, observer = watched()
    run_through(observer, BATCH)
    model = ("model", 1, "stream")
    keys = ("weir.model.name", "weir.model.version", "weir.door")
    assert figures.values("weir.events.received", *keys) == {model: 4}
    assert figures.values("weir.events.predicted", *keys) == {model: 3}
    assert figures.values("weir.events.positive", *keys) == {model: 2}
    assert figures.values("weir.events.rejected", "weir.error.code") == {("wrong_type",): 1}
    assert figures.values("messaging.client.consumed.messages", "messaging.destination.name") == {("events",): 4}
    assert figures.values("messaging.client.sent.messages", "messaging.destination.name") == {("predictions",): 3}


def test_how_long_it_took():
    figures, observer = watched()
    run_through(observer, BATCH)
    observer.committed(Stage("commit", BEGUN, BEGUN + 2_000_000))
    taken = {point.attributes["weir.stage"]: point.sum for point in figures.points("weir.stage.duration")}
    assert taken == {"decode": 0.01, "score": 0.01, "encode": 0.01, "publish": 0.01, "commit": 0.002}
    [whole] = figures.points("messaging.process.duration")
    assert (whole.count, whole.sum) == (1, 0.04)
    [size] = figures.points("weir.batch.size")
    assert (size.count, size.sum) == (1, 4)


def test_what_is_under_way_waits_or_was_let_go():
    figures, observer = watched()
    observer.fetched(5)
    observer.lag({0: 7, 3: 9})
    assert figures.values("weir.batches.in_flight") == {(): 1}
    assert figures.values("weir.consumer.lag", "messaging.destination.partition.id") == {("0",): 7, ("3",): 9}
    observer.dropped(5)
    observer.fetched(2)
    observer.failed(SinkError("no"))
    assert figures.values("weir.batches.in_flight") == {(): 0}
    assert figures.values("weir.events.dropped") == {(): 5}
    assert figures.values("weir.batches.failed", "error.type") == {("SinkError",): 1}


def test_latencies_and_scores_are_counted_by_bounds():
    figures, observer = watched()
    run_through(observer, BATCH)
    scores = figures.values("weir.scores", "le")
    assert (scores[("0",)], scores[("0.1",)], scores[("0.9",)], scores[("1",)], scores[("+Inf",)]) == (0, 0, 2, 2, 3)
    latencies = figures.values("weir.event.latency", "le")
    assert latencies[("60000",)] == 0  # the batch's clock stands in 2023
    assert latencies[("+Inf",)] == 4


def test_a_prediction_that_became_a_dead_letter_counts_as_one():
    figures, observer = watched()
    facts = batch_facts(rows(BATCH), [Rejected("prediction_too_large", "no")], stages("decode", "publish"))
    observer.batch(facts)
    observer.scored(facts.rows)
    assert figures.values("weir.events.predicted") == {(): 2}
    assert figures.values("weir.events.rejected", "weir.error.code") == {
        ("wrong_type",): 1,
        ("prediction_too_large",): 1,
    }
    assert figures.values("messaging.client.sent.messages") == {(): 2}


def test_a_model_that_was_replaced_is_no_longer_in_use():
    now = [0.0]
    models = Models("http", clock=lambda: now[0])
    models.add(rows(BATCH), {})
    now[0] = 1000.0
    assert [model.received for model in models.read()] == [4]
    assert list(models.read(recent=True)) == []


def test_single_rows_wait_to_be_counted_together_and_none_is_missing():
    figures = Figures()
    observer = RowMetrics(figures.meter, "http")
    for _ in range(700):
        observer.scored(rows(BATCH[3:]))
    assert figures.values("weir.feature.rows") == {(): 700}
    assert figures.values("weir.feature.out_of_range", "weir.feature") == {("x",): 700}


def test_values_that_training_never_saw():
    figures, observer = watched()
    run_through(observer, BATCH)
    assert figures.values("weir.feature.out_of_range", "weir.feature") == {("x",): 1}


def test_which_models_are_in_use_and_no_more_than_eight():
    figures = Figures()
    observer = RowMetrics(figures.meter, "http")
    facts = rows(BATCH[:1])
    for version in range(1, 12):
        manifest = facts.manifest.model_copy(update={"version": version, "digest": f"{version:064x}"})
        observer.scored(type(facts)(**(vars(facts) | {"manifest": manifest})))
    shown = figures.values("weir.model.in_use", "weir.model.version", "weir.model.digest", "weir.door")
    assert shown == {(version, f"{version:064x}", "http"): 1 for version in range(4, 12)}


def test_threads_may_count_at_once():
    figures = Figures()
    observer = RowMetrics(figures.meter, "http")
    facts = rows(BATCH)
    threads = [threading.Thread(target=lambda: [observer.scored(facts) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert figures.values("weir.scores", "le")[("+Inf",)] == 600
    assert figures.values("weir.events.received") == {(): 800}
