"""The views of `deploy/`: every query that stands in them, by where it stands."""

import json
import re
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["ALERTS", "BICEP", "QUERIES", "dashboard", "kql", "promql", "rules", "workbook", "workbook_written_anew"]

_ROOT: Final = Path(__file__).parents[3]
_DEPLOY: Final = _ROOT / "deploy"
_INSIGHTS: Final = _DEPLOY / "application_insights"
QUERIES: Final = _INSIGHTS / "queries"
ALERTS: Final = QUERIES / "alerts"
BICEP: Final = _INSIGHTS / "alerts.bicep"
# What the portal, and Grafana, put in the place of parameters.
_CHOSEN: Final = {"{Role}": "'weir','weir-http'", "{TimeRange:grain}": "5m", "{Operation}": "0" * 32}
_FILLED: Final = {"$__rate_interval": "5m", "$__range": "3h", '"$job"': '"weir"'}
_LABEL_VALUES: Final = re.compile(r"label_values\((?P<series>.+), *(?P<label>\w+)\)")


def kql() -> dict[str, str]:
    """Return every query for Application Insights: of the files, and of the workbook with its parameters chosen."""
    files = {
        str(path.relative_to(QUERIES)): path.read_text(encoding="utf-8") for path in sorted(QUERIES.rglob("*.kql"))
    }
    return files | {f"workbook: {name}": _replaced(text, _CHOSEN) for name, text in _of_workbook(workbook()["items"])}


def workbook() -> Any:
    """Return the workbook."""
    return json.loads((_INSIGHTS / "workbook.json").read_text(encoding="utf-8"))


def workbook_written_anew() -> Any:
    """Return the workbook as the queries make it now."""
    return json.loads(runpy.run_path(str(_INSIGHTS / "build.py"))["workbook"]())


def promql() -> dict[str, str]:
    """Return every expression for Prometheus: of the dashboard, with its variables filled in, and of the rules."""
    panels = {
        f"dashboard: {panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
    }
    variables = {
        f"dashboard: ${variable['name']}": "count by ({label}) ({series})".format(**_label_values(variable))
        for variable in dashboard()["templating"]["list"]
        if variable["type"] == "query"
    }
    alerts = {f"alerts: {rule['alert']}": rule["expr"] for rule in rules()}
    return {place: _replaced(text, _FILLED) for place, text in (panels | variables | alerts).items()}


def dashboard() -> Any:
    """Return Grafana's dashboard."""
    return json.loads((_DEPLOY / "grafana" / "dashboard.json").read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    """Return Prometheus' alerting rules."""
    [group] = yaml.safe_load((_DEPLOY / "grafana" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def _of_workbook(items: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for item in items:
        content = item["content"]
        if "query" in content:
            yield item["name"], content["query"]
        yield from ((each["name"], each["query"]) for each in content.get("parameters", []) if "query" in each)
        yield from _of_workbook(content.get("items", []))


def _label_values(variable: Mapping[str, Any]) -> dict[str, str]:
    asked = _LABEL_VALUES.fullmatch(variable["query"]["query"])
    assert asked is not None, variable
    return asked.groupdict()


def _replaced(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text
