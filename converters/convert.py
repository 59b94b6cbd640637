"""A fitted estimator into the store: converted, certified against itself, and refused where it answers differently."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from converters.baselines import score_baseline
from converters.certify import TOLERANCE, certify, refusal
from converters.draft import build_graph, find_libraries, find_outputs, find_task
from converters.features import Columns, describe_features
from converters.layout import plan_layout
from converters.manifests import Described, describe, draft_manifest
from converters.table import Sample
from models import Store
from scoring.errors import CertificateError, ConversionError, ScoringError
from scoring.manifest import Dtype, Manifest
from scoring.outcomes import Label

__all__ = ["Source", "convert"]

_ENOUGH: Final = 1000  # rows, to say how scores are distributed
_REMEDY: Final = "Nothing was stored. docs/support.md lists the estimators that convert and agree."

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a model is made of.

    Attributes:
        estimator: a fitted scikit-learn, LightGBM or XGBoost estimator.
        sample: rows as it was trained on; they give the features' types, ranges, categories and distribution.
        held_back: rows to certify it on, best such as it was not trained on; the sample's where None.
        columns: what the table alone does not say about its columns.
    """

    estimator: Any
    sample: Sample
    held_back: Sample | None = None
    columns: Columns = field(default_factory=Columns)

    @property
    def compared(self) -> pd.DataFrame:
        """The rows to certify the model on."""
        return (self.held_back or self.sample).rows

    @property
    def data_sets(self) -> dict[str, str]:
        """Name and SHA-256 of the data sets that it was made from."""
        return dict(self.sample.data_sets) | dict(self.held_back.data_sets if self.held_back else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What was asked of the conversion."""

    positive: Label | None
    threshold: float | None
    top_k: int
    tolerance: float
    uncertified: bool
    described: Described
    report: Report


def convert(
    source: Source,
    *,
    name: str,
    store: Store,
    positive: Label | None = None,
    threshold: float | None = None,
    top_k: int = 5,
    tolerance: float = TOLERANCE,
    uncertified: bool = False,
    tags: Mapping[str, str] | None = None,
    properties: Mapping[str, float | int | str] | None = None,
    run_id: str | None = None,
    report: Report = lambda _: None,
) -> Manifest:
    """Converts an estimator to ONNX, certifies that the two agree, and adds it to a store under the next version.

    Columns of floats are served as float32. Where the two then differ, and the table holds numbers that float32 cannot
    hold, they are served as float64: scikit-learn's histogram trees, for one, split at the very values they saw, and
    narrowing such a value may move it to the other side.

    Args:
        source: the estimator and its rows.
        name: the model's name in the store.
        store: where to add it.
        positive: the class whose probability is the score; the last of the estimator's unless given (binary only).
        threshold: the score from which it is given; the estimator's own decision unless given (binary only).
        top_k: how many labels a multiclass prediction lists.
        tolerance: the largest difference in score allowed.
        uncertified: store it without comparing anything; serving then refuses it unless told otherwise.
        tags: words of your own.
        properties: metrics and other facts of your own.
        run_id: of the training run.
        report: told what is being done, for showing progress.

    Returns:
        The manifest as stored, with its version.

    Raises:
        ConfigurationError: an argument contradicts the estimator or the table.
        ConversionError: the estimator or the table cannot be converted; names the step or the column.
        CertificateError: the graph answers differently; says by how much and where.
        ManifestError: an argument is none that a manifest takes.
        StoreError: the store cannot be written.
    """
    terms = _Terms(
        positive=positive,
        threshold=threshold,
        top_k=top_k,
        tolerance=tolerance,
        uncertified=uncertified,
        described=describe(store, name, data_sets=source.data_sets, tags=tags, properties=properties, run_id=run_id),
        report=report,
    )
    manifest, model = _attempt(source, terms)
    if manifest.certificate is not None and not manifest.certificate.passed:
        manifest, model = _widened(source, terms, manifest)
    if manifest.certificate is not None:
        report("scoring the sample")
        manifest = _with_score_baseline(source, manifest, model)
    report("adding it to the store")
    return store.add(manifest, model)


def _with_score_baseline(source: Source, manifest: Manifest, model: bytes) -> Manifest:
    """Adds how scores are distributed: on rows held back where there are enough, for it is surer of those it knows."""
    rows = source.compared if len(source.compared) >= _ENOUGH else source.sample.rows
    outputs = manifest.outputs.model_copy(update={"baseline": score_baseline(manifest, model, rows)})
    return manifest.model_copy(update={"outputs": outputs})


def _attempt(source: Source, terms: _Terms) -> tuple[Manifest, bytes]:
    """Converts and certifies; the certificate may have failed."""
    estimator, columns, rows = source.estimator, source.columns, source.sample.rows
    terms.report("reading the sample")
    task = find_task(estimator)
    layout = plan_layout(estimator, list(map(str, rows.columns)), excluded=columns.excluded(rows))
    features = describe_features(estimator, layout, columns, rows, source.compared)
    outputs = find_outputs(estimator, task, positive=terms.positive, threshold=terms.threshold, top_k=terms.top_k)
    terms.report("converting to ONNX")
    model, graph = build_graph(estimator, features)
    manifest, serialised = draft_manifest(
        model,
        terms.described,
        task=task,
        features=features,
        event_id=columns.event_path,
        graph=graph,
        outputs=outputs,
        libraries=find_libraries(estimator),
    )
    if terms.uncertified:
        return manifest, serialised
    certificate = certify(
        estimator, layout, model, manifest, source.compared, tolerance=terms.tolerance, report=terms.report
    )
    return manifest.model_copy(update={"certificate": certificate}), serialised


def _widened(source: Source, terms: _Terms, failed: Manifest) -> tuple[Manifest, bytes]:
    """Tries again with float64 for the columns that float32 cannot hold."""
    why = CertificateError(refusal(failed), remedy=_REMEDY)
    narrow = [feature.name for feature in failed.features if feature.dtype == "float32"]
    coarse = [name for name in narrow if name not in source.columns.dtypes and _loses(source, name)]
    if not coarse:
        raise why
    terms.report(f"float32 is too coarse for {', '.join(coarse)}: trying float64")
    wide: dict[str, Dtype] = dict.fromkeys(coarse, "float64")
    columns = replace(source.columns, dtypes=dict(source.columns.dtypes) | wide)
    try:
        manifest, model = _attempt(replace(source, columns=columns), terms)
    except (ConversionError, ScoringError):  # not every operator has a float64 form
        raise why from None
    if manifest.certificate is None or not manifest.certificate.passed:
        raise CertificateError(refusal(manifest), remedy=_REMEDY)
    return manifest, model


def _loses(source: Source, name: str) -> bool:
    """Whether float32 cannot hold the values of a column."""
    return any(
        bool((numbers != numbers.astype(np.float32)).any())
        for rows in (source.sample.rows, source.compared)
        for numbers in (rows[name].dropna().to_numpy(np.float64),)
    )
