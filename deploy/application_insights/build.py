"""Writes workbook.json, the Azure workbook, from the queries beside it: run it after a query has changed."""  # noqa: INP001

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
_COMPONENT: Final = "microsoft.insights/components"
_TABS: Final = ("Overview", "Latency", "Lag", "Rejects", "Models and scores", "Drift", "Operation")
# What a query asks for when it is run by itself, and what the workbook puts in its place.
_PARAMETERS: Final = {
    'dynamic(["*"])': "dynamic([{Role}])",
    "let step = 5m;": "let step = {TimeRange:grain};",
    f'"{"0" * 32}"': '"{Operation}"',
}
_SECTIONS: Final = {
    "Overview": (
        ("throughput", "Events by model and door", "timechart"),
        ("messages", "Messages and batches by topic", "timechart"),
        ("failures", "What failed", "table"),
        ("collection", "Rows collected and dropped", "timechart"),
        ("log", "The log", "table"),
    ),
    "Latency": (
        ("event_latency", "From an event's own time to its acknowledgement, in milliseconds", "timechart"),
        ("request_latency", "HTTP requests by route, in milliseconds", "timechart"),
        ("stages", "Steps of a batch, in milliseconds", "timechart"),
        ("slowest_batches", "The slowest batches", "table"),
    ),
    "Lag": (
        ("lag", "Events that wait, by partition", "timechart"),
        ("in_flight", "Batches under way, by worker", "timechart"),
    ),
    "Rejects": (
        ("rejects", "Refused events by code", "timechart"),
        ("events", "Single events: positives, dead letters, and those of traced producers", "table"),
    ),
    "Models and scores": (
        ("models", "Models in use", "table"),
        ("scores", "Scores", "categoricalbar"),
    ),
    "Drift": (
        ("drift", "The worst first", "table"),
        ("drift_over_time", "Population stability index", "timechart"),
        ("features", "Nulls, and values that training never saw", "table"),
    ),
    "Operation": (("operation", "One operation, and those that are linked to it", "table"),),
}
# Which figures of a chart are drawn, and by what they are split, where the portal would not guess it.
_CHARTS: Final = {
    "throughput": {"xAxis": "timestamp", "yAxis": ["received", "predicted", "positive", "rejected"], "group": "model"},
    "messages": {"xAxis": "timestamp", "yAxis": ["fetched", "sent", "let_go"], "group": "topic"},
    "collection": {"xAxis": "timestamp", "yAxis": ["written", "dropped"], "group": "cloud_RoleName"},
    "event_latency": {"xAxis": "timestamp", "yAxis": ["ms"], "group": "percentile"},
    "request_latency": {"xAxis": "timestamp", "yAxis": ["p50", "p95", "p99"], "group": "route"},
    "stages": {"xAxis": "timestamp", "yAxis": ["mean_ms"], "group": "stage"},
    "lag": {"xAxis": "timestamp", "yAxis": ["lag"], "group": "series"},
    "in_flight": {"xAxis": "timestamp", "yAxis": ["batches"], "group": "cloud_RoleInstance"},
    "rejects": {"xAxis": "timestamp", "yAxis": ["rejected"], "group": "code"},
    "scores": {"xAxis": "up_to", "yAxis": ["predictions"], "group": "model"},
    "drift_over_time": {"xAxis": "timestamp", "yAxis": ["psi"], "group": "column"},
}


def workbook() -> str:
    """Return the workbook, as the portal takes it."""
    content = {
        "version": "Notebook/1.0",
        "items": [
            _words("# Weir\nWhat was scored, how fast, by which model, and where an event went."),
            _parameters("parameters", (_TIME, _ROLE)),
            _tabs(),
            *(_group(tab) for tab in _TABS),
        ],
        "fallbackResourceIds": [],
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }
    return json.dumps(content, indent=2) + "\n"


_TIME: Final[dict[str, Any]] = {
    "id": "6a1c1c3e-52c5-4b0c-9d0a-3f1f7f2c0a01",
    "version": "KqlParameterItem/1.0",
    "name": "TimeRange",
    "label": "Time range",
    "type": 4,
    "isRequired": True,
    "value": {"durationMs": 14_400_000},
    "typeSettings": {
        "selectableValues": [
            {"durationMs": minutes * 60_000} for minutes in (30, 60, 240, 720, 1440, 2880, 10_080, 43_200)
        ],
        "allowCustom": True,
    },
}
_ROLE: Final[dict[str, Any]] = {
    "id": "6a1c1c3e-52c5-4b0c-9d0a-3f1f7f2c0a02",
    "version": "KqlParameterItem/1.0",
    "name": "Role",
    "label": "Cloud role",
    "type": 2,
    "isRequired": True,
    "multiSelect": True,
    "quote": "'",
    "delimiter": ",",
    "query": (HERE / "queries" / "roles.kql").read_text(encoding="utf-8"),
    "typeSettings": {"additionalResourceOptions": ["value::all"], "showDefault": False},
    "defaultValue": "value::all",
    "timeContextFromParameter": "TimeRange",
    "queryType": 0,
    "resourceType": _COMPONENT,
}
_OPERATION: Final[dict[str, Any]] = {
    "id": "6a1c1c3e-52c5-4b0c-9d0a-3f1f7f2c0a03",
    "version": "KqlParameterItem/1.0",
    "name": "Operation",
    "label": "Operation id",
    "description": "32 hexadecimal digits: the trace id of a traceparent header, or operation_Id in the other tabs",
    "type": 1,
    "isRequired": True,
    "value": "",
}


def _parameters(name: str, parameters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    content = {"version": "KqlParameterItem/1.0", "parameters": parameters, "style": "pills", "queryType": 0}
    return {"type": 9, "content": content | {"resourceType": _COMPONENT}, "name": name}


def _tabs() -> dict[str, Any]:
    links = [
        {
            "id": f"6a1c1c3e-52c5-4b0c-9d0a-3f1f7f2c0b{place:02}",
            "cellValue": "Tab",
            "linkTarget": "parameter",
            "linkLabel": tab,
            "subTarget": tab,
            "style": "link",
        }
        for place, tab in enumerate(_TABS)
    ]
    return {"type": 11, "content": {"version": "LinkItem/1.0", "style": "tabs", "links": links}, "name": "tabs"}


def _group(tab: str) -> dict[str, Any]:
    items = [_query(*section) for section in _SECTIONS[tab]]
    if tab == "Operation":
        items = [_parameters("operation parameter", (_OPERATION,)), *items]
    return {
        "type": 12,
        "content": {"version": "NotebookGroup/1.0", "groupType": "editable", "items": items},
        "conditionalVisibility": {"parameterName": "Tab", "comparison": "isEqualTo", "value": tab},
        "name": tab,
    }


def _query(name: str, title: str, visualization: str) -> dict[str, Any]:
    text = (HERE / "queries" / f"{name}.kql").read_text(encoding="utf-8")
    for alone, here in _PARAMETERS.items():
        text = text.replace(alone, here)
    content: dict[str, Any] = {
        "version": "KqlItem/1.0",
        "query": text,
        "size": 0,
        "title": title,
        "timeContextFromParameter": "TimeRange",
        "queryType": 0,
        "resourceType": _COMPONENT,
        "visualization": visualization,
    }
    if name in _CHARTS:
        content["chartSettings"] = _CHARTS[name]
    return {"type": 3, "content": content, "name": name}


def _words(text: str) -> dict[str, Any]:
    return {"type": 1, "content": {"json": text}, "name": "words"}


if __name__ == "__main__":
    (HERE / "workbook.json").write_text(workbook(), encoding="utf-8")
