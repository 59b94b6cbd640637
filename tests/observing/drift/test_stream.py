"""A stream under a real model: the loans example, its own applications, and what the observer makes of a shift."""

import msgspec
import numpy as np
import pytest
from scipy.stats import entropy, ks_2samp

from examples.loans.applications import applications
from examples.loans.release import release
from models import LocalStore, Reference, load_pipeline
from scoring import Event
from telemetry import RowFacts
from telemetry.drift import Drift, DriftSettings
from telemetry.drift.figures import smoothed

ROWS, BATCH = 30_000, 500


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    store = LocalStore(tmp_path_factory.mktemp("loans") / "store")
    manifest = release(store, rows=4000)
    return load_pipeline(store, Reference(name=manifest.name, version=manifest.version))


def steady():
    return applications(ROWS, seed=5)


def shifted():
    """Everybody earns more, and holds two more cards."""
    rows = steady()
    return rows.assign(income=(rows["income"] * 1.4).astype(int), credit_cards=rows["credit_cards"] + 2)


def streamed(pipeline, rows, **settings):
    """Score rows batch by batch, ten a second, and return the figures by name."""
    now = [0.0]
    observer = Drift(DriftSettings(**settings), clock=lambda: now[0])
    events = [Event(msgspec.json.encode(record)) for record in rows.to_dict("records")]
    for start in range(0, ROWS, BATCH):
        prepared = pipeline.prepare(events[start : start + BATCH])
        outcomes = pipeline.finish(pipeline.run(prepared))
        told = RowFacts(
            manifest=pipeline.manifest,
            events=prepared.events,
            outcomes=outcomes,
            rows=prepared.rows,
            columns=prepared.columns,
        )
        observer.scored(told)
        now[0] += 0.1
    return {each.feature: each for each in observer.figures()}


def test_a_steady_stream_is_steady(pipeline):
    found = streamed(pipeline, steady())
    assert set(found) == {"income", "credit_cards", "age", "score"}
    assert max(each.psi for each in found.values()) < 0.1


def test_a_shifted_stream_raises_the_right_figures_and_only_those(pipeline):
    found = streamed(pipeline, shifted())
    assert {name for name, each in found.items() if each.psi >= 0.25} == {"income", "credit_cards"}
    assert found["age"].psi < 0.1
    assert found["age"].ks < 0.05
    assert found["age"].rows < ROWS / 2  # 5,000 rows a second came, and 2,000 were looked at


def test_the_figures_are_scipys_on_the_same_rows(pipeline):
    rows, found = shifted(), streamed(pipeline, shifted(), rows_per_second=1_000_000)
    for feature in pipeline.manifest.features:
        baseline, figures = feature.baseline, found[feature.name]
        now = np.bincount(np.searchsorted(baseline.edges, rows[feature.name]), minlength=len(baseline.counts))
        p, q = smoothed(np.array(baseline.counts)), smoothed(now)
        samples = [np.repeat(np.arange(len(now)), counts) for counts in (baseline.counts, now)]
        assert figures.rows == ROWS
        assert figures.psi == pytest.approx(entropy(p, q) + entropy(q, p), abs=1e-12)
        assert figures.ks == pytest.approx(ks_2samp(*samples).statistic, abs=1e-12)
