"""What figures that came by OTLP are called in Prometheus, whether it takes them itself or from a collector.

The rules are those of OpenTelemetry's "Prometheus and OpenMetrics Compatibility", as Prometheus itself follows them:
signs that a name may not hold become underscores, the unit is appended unless it stands in braces, gauges of unit 1 are
ratios, and what only grows is a total.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

__all__ = ["label", "series_of"]

_UNITS: Final = {"s": "seconds", "ms": "milliseconds", "By": "bytes", "1": "", "": ""}
_HISTOGRAM: Final = ("_bucket", "_sum", "_count")
# Of what a process is: `service.name` and `service.instance.id`.
_RESOURCE: Final = frozenset({"job", "instance"})


def series_of(requests: Iterable[ExportMetricsServiceRequest]) -> Mapping[str, frozenset[str]]:
    """Return the names of all series, each with the labels that its points carry."""
    found: dict[str, frozenset[str]] = defaultdict(frozenset)
    for request in requests:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for name, labels in _series(metric):
                        found[name] |= labels
    return dict(found)


def label(attribute: str) -> str:
    """Return what an attribute is called as a label."""
    return re.sub(r"[^a-zA-Z0-9_]+", "_", attribute)


def _series(metric: Metric) -> Iterable[tuple[str, frozenset[str]]]:
    kind = metric.WhichOneof("data")
    name = _name(metric, kind)
    labels = _RESOURCE | {label(each.key) for point in _points(metric, kind) for each in point.attributes}
    if kind != "histogram":
        return [(name, labels)]
    return [(name + suffix, labels | {"le"} if suffix == "_bucket" else labels) for suffix in _HISTOGRAM]


def _name(metric: Metric, kind: str) -> str:
    parts = [part for part in re.split(r"[^a-zA-Z0-9:]+", metric.name) if part]
    unit = "" if "{" in metric.unit else _UNITS[metric.unit]
    if unit and unit not in parts:
        parts.append(unit)
    if kind == "sum" and metric.sum.is_monotonic:
        parts = [part for part in parts if part != "total"] + ["total"]
    if kind == "gauge" and metric.unit == "1":
        parts = [part for part in parts if part != "ratio"] + ["ratio"]
    return "_".join(parts)


def _points(metric: Metric, kind: str) -> Iterable[Any]:
    return getattr(metric, kind).data_points
