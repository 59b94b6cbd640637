"""The check itself is checked: a wrong name that is planted into a view is found, and told with its place."""

import pytest

from tests.observing.views.checking import unsent_by_azure_monitor, unsent_by_otlp
from tests.observing.views.views import kql, promql

PLANTED_KQL = [
    ("lag.kql", "weir.consumer.lag", "weir.consumer.lags", "no metric 'weir.consumer.lags' was sent"),
    ("lag.kql", "destination.partition.id", "partition", "no customDimensions['messaging.partition'] was sent"),
    (
        "throughput.kql",
        'customDimensions["weir.door"]',
        'customDimensions["weir.stage"]',  # another metric has it
        "no customDimensions['weir.stage'] was sent",
    ),
    ("stages.kql", '["weir.stage"]', '.["weir.step"]', "no customDimensions['weir.step'] was sent"),
    ("stages.kql", 'customDimensions["weir.stage"]', "customDimensions.stage", "no customDimensions['stage'] was sent"),
    ("scores.kql", '"+Inf"', '"+inf"', "no le was '+inf'"),
    ("slowest_batches.kql", '"process "', '"processing "', "no name begins with 'processing '"),
    (
        "slowest_batches.kql",
        "weir.batch.predicted",
        "weir.batch.size",
        "no customDimensions['weir.batch.size'] was sent",
    ),
    ("operation.kql", 'link["operation_Id"]', 'link["operationId"]', "link['operationId'] is neither a property nor"),
    ("operation.kql", "outerMessage", "outerMethod", "nothing was sent for the column 'outerMethod'"),
    ("operation.kql", '"trace"', '"message"', "no itemType was 'message'"),
    ("operation.kql", "traces,", "events,", "'events' does not refer to any known"),
    ("request_latency.kql", "itemCount", "item_count", "'item_count' does not refer to any known"),
    ("failures.kql", '"weir.batches.failed"', '"weir.batches.lost"', "no metric 'weir.batches.lost' was sent"),
    ("models.kql", "| order by", "| orderby", "Expected"),
    ("alerts/no_events.kql", 'name == "weir.events.received" and', "", "it asks for no table, or for no metric"),
]
PLANTED_PROMQL = [
    ("alerts: WeirLag", "weir_consumer_lag", "weir_lag", "no series 'weir_lag' was sent"),
    ("alerts: WeirDrift", "weir_drift_psi", "weir_drift_psi_ratio", "no series 'weir_drift_psi_ratio' was sent"),
    ("alerts: WeirRejects", "weir_model_name", "model", "none of its series has the label 'model'"),
    ("alerts: WeirNoEvents", "sum by (job)", "sum by (job) (", "not PromQL at"),
    ("dashboard: Events A", 'job=~"weir"', 'service="weir"', "weir_events_received_total has no label 'service'"),
    ("dashboard: $job", "job", "service_name", "none of its series has the label 'service_name'"),
    ("dashboard: Requests by status A", "_seconds", "_milliseconds", "no series 'http_server_request_duration_milli"),
]


@pytest.fixture(scope="module")
def in_queries(rows) -> list[str]:
    """What is found in all queries, each with its own wrong name."""
    return unsent_by_azure_monitor(planted(kql(), PLANTED_KQL), rows)


@pytest.fixture(scope="module")
def in_expressions(series) -> list[str]:
    """What is found in all expressions, each with its own wrong name."""
    return unsent_by_otlp(planted(promql(), PLANTED_PROMQL), series)


def planted(texts: dict[str, str], names: list[tuple[str, str, str, str]]) -> dict[str, str]:
    for place, right, _, _ in names:
        assert right in texts[place], place
    return {f"{place}, {wrong}": texts[place].replace(right, wrong) for place, right, wrong, _ in names}


@pytest.mark.parametrize(("place", "right", "wrong", "finding"), PLANTED_KQL, ids=lambda text: text[:24])
def test_a_wrong_name_in_a_query_is_found(place, right, wrong, finding, in_queries) -> None:
    assert any(each.startswith(f"{place}, {wrong}: ") and finding in each for each in in_queries), right


@pytest.mark.parametrize(("place", "right", "wrong", "finding"), PLANTED_PROMQL, ids=lambda text: text[:24])
def test_a_wrong_name_in_an_expression_is_found(place, right, wrong, finding, in_expressions) -> None:
    assert any(each.startswith(f"{place}, {wrong}: ") and finding in each for each in in_expressions), right


def test_a_figure_that_was_not_sent_is_missed(rows, series) -> None:
    fewer = rows | {"customMetrics": [row for row in rows["customMetrics"] if row["name"] != "weir.scores"]}
    assert "scores.kql: no metric 'weir.scores' was sent" in unsent_by_azure_monitor(kql(), fewer)
    without = {name: labels for name, labels in series.items() if name != "weir_scores_total"}
    assert "dashboard: Scores A: no series 'weir_scores_total' was sent" in unsent_by_otlp(promql(), without)
