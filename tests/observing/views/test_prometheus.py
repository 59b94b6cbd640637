"""Names and labels in Prometheus, against examples that Prometheus' own translator gives."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from tests.observing.views.prometheus import label, series_of

RESOURCE = {"job", "instance"}


def request(kind: str, name: str, unit: str, *keys: str, monotonic: bool = True) -> ExportMetricsServiceRequest:
    metric = Metric(name=name, unit=unit)
    points = getattr(metric, kind).data_points
    points.add().attributes.extend(KeyValue(key=key) for key in keys)
    if kind == "sum":
        metric.sum.is_monotonic = monotonic
    made = ExportMetricsServiceRequest()
    made.resource_metrics.add().scope_metrics.add().metrics.append(metric)
    return made


@pytest.mark.parametrize(
    ("kind", "name", "unit", "expected"),
    [
        ("sum", "weir.events.received", "{event}", "weir_events_received_total"),
        ("sum", "weir.rows.total", "{row}", "weir_rows_total"),
        ("sum", "system.io", "By", "system_io_bytes_total"),
        ("gauge", "weir.drift.psi", "1", "weir_drift_psi_ratio"),
        ("gauge", "system.filesystem.usage", "By", "system_filesystem_usage_bytes"),
        ("gauge", "weir.consumer.lag", "{event}", "weir_consumer_lag"),
        ("gauge", "a.duration.seconds", "s", "a_duration_seconds"),
        ("gauge", "(lambda).function.executions(#)", "", "lambda_function_executions"),
    ],
)
def test_a_name_is_translated(kind, name, unit, expected) -> None:
    assert series_of([request(kind, name, unit)]) == {expected: RESOURCE}


def test_a_sum_that_falls_too_is_no_total() -> None:
    assert list(series_of([request("sum", "weir.batches.in_flight", "{batch}", monotonic=False)])) == [
        "weir_batches_in_flight"
    ]


def test_a_histogram_is_three_series_and_its_buckets_have_a_bound() -> None:
    assert series_of([request("histogram", "weir.stage.duration", "s", "weir.stage")]) == {
        "weir_stage_duration_seconds_bucket": RESOURCE | {"weir_stage", "le"},
        "weir_stage_duration_seconds_sum": RESOURCE | {"weir_stage"},
        "weir_stage_duration_seconds_count": RESOURCE | {"weir_stage"},
    }


def test_labels_are_those_of_all_points() -> None:
    both = [request("gauge", "a", "", "weir.feature"), request("gauge", "a", "", "weir.output")]
    assert series_of(both) == {"a": RESOURCE | {"weir_feature", "weir_output"}}
    assert label("messaging.destination.partition.id") == "messaging_destination_partition_id"
