"""What envelopes become in the tables of Application Insights."""

from tests.observing.views.tables import TABLES, declared, rows_of

TAGS = {
    "ai.operation.id": "0af7",
    "ai.operation.parentId": "b7ad",
    "ai.cloud.role": "scoring",
    "ai.cloud.roleInstance": "host-1",
}


def envelope(kind: str, **data) -> dict:
    return {"iKey": "key", "time": "2026-01-01T00:00:00Z", "tags": TAGS, "data": {"baseType": kind, "baseData": data}}


def test_a_request_and_a_dependency_keep_their_names() -> None:
    request = envelope(
        "RequestData", name="process payments", responseCode="0", properties={"weir.batch.predicted": "5"}
    )
    step = envelope("RemoteDependencyData", name="decode", resultCode="0", type="InProc", target=None, measurements={})
    rows = rows_of([request, step | {"sampleRate": 25.0}])
    [row] = rows["requests"]
    assert row["customDimensions"] == {"weir.batch.predicted": "5"}
    assert (row["resultCode"], row["itemType"], row["itemCount"]) == ("0", "request", 1)
    assert (row["operation_Id"], row["operation_ParentId"]) == ("0af7", "b7ad")
    assert (row["cloud_RoleName"], row["cloud_RoleInstance"]) == ("scoring", "host-1")
    [row] = rows["dependencies"]
    assert (row["type"], row["itemCount"]) == ("InProc", 4)
    assert {"target", "customMeasurements", "operation_Name"}.isdisjoint(row)


def test_a_metric_is_a_row_for_each_point_with_its_mean_and_its_sum() -> None:
    [row] = rows_of([envelope("MetricData", metrics=[{"name": "m", "value": 6, "count": 4, "min": 1, "max": 3}])])[
        "customMetrics"
    ]
    assert [row[name] for name in ("name", "value", "valueSum", "valueCount", "valueMin", "valueMax")] == [
        "m", 1.5, 6, 4, 1, 3,
    ]  # fmt: skip
    [row] = rows_of([envelope("MetricData", metrics=[{"name": "m", "value": 6}])])["customMetrics"]
    assert [row[name] for name in ("value", "valueSum", "valueCount", "valueMax")] == [6, 6, 1, 6]


def test_a_log_line_and_an_exception_have_their_own_tables() -> None:
    chain = [{"typeName": "RuntimeError", "message": "no"}, {"typeName": "KeyError", "message": "name"}]
    rows = rows_of([envelope("MessageData", message="begun"), envelope("ExceptionData", exceptions=chain)])
    assert rows["traces"][0]["message"] == "begun"
    [row] = rows["exceptions"]
    assert (row["type"], row["outerMessage"], row["innermostType"]) == ("RuntimeError", "no", "KeyError")


def test_every_column_of_a_row_is_a_documented_one(told, rows) -> None:
    assert {
        table: {column for row in found for column in row} - set(TABLES[table]) for table, found in rows.items()
    } == {table: set() for table in TABLES}
    assert sum(map(len, rows.values())) == len(told.envelopes)


def test_tables_are_declared_as_kusto_has_them() -> None:
    assert declared()["traces"].startswith("(timestamp: datetime, itemType: string, customDimensions: dynamic, ")
