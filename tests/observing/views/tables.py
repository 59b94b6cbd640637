"""The tables of Application Insights: their documented columns, and the rows that envelopes become.

Types and names are those that Azure Monitor documents for queries of a component.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

__all__ = ["TABLES", "Row", "declared", "rows_of"]

Row = Mapping[str, Any]

_COMMON: Final = {
    "timestamp": "datetime",
    "itemType": "string",
    "customDimensions": "dynamic",
    "operation_Name": "string",
    "operation_Id": "string",
    "operation_ParentId": "string",
    "operation_SyntheticSource": "string",
    "session_Id": "string",
    "user_Id": "string",
    "user_AuthenticatedId": "string",
    "user_AccountId": "string",
    "application_Version": "string",
    "client_Type": "string",
    "client_Model": "string",
    "client_OS": "string",
    "client_IP": "string",
    "client_City": "string",
    "client_StateOrProvince": "string",
    "client_CountryOrRegion": "string",
    "client_Browser": "string",
    "cloud_RoleName": "string",
    "cloud_RoleInstance": "string",
    "appId": "string",
    "appName": "string",
    "iKey": "string",
    "sdkVersion": "string",
}
_COUNTED: Final = {"itemId": "string", "itemCount": "int", "customMeasurements": "dynamic"}
_TIMED: Final = {
    "id": "string",
    "name": "string",
    "success": "string",
    "resultCode": "string",
    "duration": "real",
    "performanceBucket": "string",
}
TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "requests": {**_COMMON, **_COUNTED, **_TIMED, "source": "string", "url": "string"},
    "dependencies": {**_COMMON, **_COUNTED, **_TIMED, "target": "string", "type": "string", "data": "string"},
    "traces": {**_COMMON, **_COUNTED, "message": "string", "severityLevel": "int"},
    "exceptions": {
        **_COMMON,
        **_COUNTED,
        "problemId": "string",
        "handledAt": "string",
        "type": "string",
        "message": "string",
        "assembly": "string",
        "method": "string",
        "outerType": "string",
        "outerMessage": "string",
        "outerAssembly": "string",
        "outerMethod": "string",
        "innermostType": "string",
        "innermostMessage": "string",
        "innermostAssembly": "string",
        "innermostMethod": "string",
        "severityLevel": "int",
        "details": "dynamic",
    },
    "customMetrics": {
        **_COMMON,
        "itemId": "string",
        "name": "string",
        "value": "real",
        "valueCount": "int",
        "valueSum": "real",
        "valueMin": "real",
        "valueMax": "real",
        "valueStdDev": "real",
    },
}
_TABLE_OF: Final = {
    "RequestData": "requests",
    "RemoteDependencyData": "dependencies",
    "MetricData": "customMetrics",
    "MessageData": "traces",
    "ExceptionData": "exceptions",
}
_ITEM: Final = {
    "requests": "request",
    "dependencies": "dependency",
    "customMetrics": "customMetric",
    "traces": "trace",
    "exceptions": "exception",
}
_RENAMED: Final = {"responseCode": "resultCode", "properties": "customDimensions", "measurements": "customMeasurements"}


def declared() -> dict[str, str]:
    """Return the tables as Kusto declares them."""
    return {
        name: f"({', '.join(f'{column}: {kind}' for column, kind in columns.items())})"
        for name, columns in TABLES.items()
    }


def rows_of(envelopes: Iterable[Mapping[str, Any]]) -> dict[str, list[Row]]:
    """Return the rows of each table that envelopes become; a column that nothing was sent for is left out."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for envelope in envelopes:
        table = _TABLE_OF[envelope["data"]["baseType"]]
        base = {_RENAMED.get(name, name): value for name, value in envelope["data"]["baseData"].items()}
        common = _common(envelope, table)
        for own in _own(table, base):
            whole = {**common, **own}
            rows[table].append({column: value for column, value in whole.items() if _is_there(table, column, value)})
    return rows


def _common(envelope: Mapping[str, Any], table: str) -> Row:
    tags = envelope["tags"]
    return {
        "timestamp": envelope["time"],
        "iKey": envelope["iKey"],
        "itemType": _ITEM[table],
        "itemCount": max(1, round(100 / envelope.get("sampleRate", 100))),
        "operation_Id": tags.get("ai.operation.id"),
        "operation_ParentId": tags.get("ai.operation.parentId"),
        "operation_Name": tags.get("ai.operation.name"),
        "cloud_RoleName": tags.get("ai.cloud.role"),
        "cloud_RoleInstance": tags.get("ai.cloud.roleInstance"),
        "sdkVersion": tags.get("ai.internal.sdkVersion"),
    }


def _own(table: str, base: Mapping[str, Any]) -> Sequence[Row]:
    """Return the rows of one envelope, with the columns that only their table has."""
    columns = {name: value for name, value in base.items() if name in TABLES[table]}
    if table == "customMetrics":
        return [{**columns, **_metric(point)} for point in base["metrics"]]
    if table == "exceptions":
        return [{**columns, **_exception(base["exceptions"])}]
    return [columns]


def _metric(point: Mapping[str, Any]) -> Row:
    value, count = point["value"], point.get("count") or 1
    least, most = point.get("min"), point.get("max")
    return {
        "name": point["name"],
        "value": value / count,
        "valueSum": value,
        "valueCount": count,
        "valueMin": value if least is None else least,
        "valueMax": value if most is None else most,
    }


def _exception(chain: Sequence[Mapping[str, Any]]) -> Row:
    outer, innermost = chain[0], chain[-1]
    return {
        "type": outer["typeName"],
        "message": outer["message"],
        "outerType": outer["typeName"],
        "outerMessage": outer["message"],
        "innermostType": innermost["typeName"],
        "innermostMessage": innermost["message"],
        "details": json.dumps(chain),
    }


def _is_there(table: str, column: str, value: Any) -> bool:
    return column in TABLES[table] and value is not None and value not in ("", {})
