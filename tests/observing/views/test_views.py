"""Every query of the views asks for what a real worker and a real server told, and for nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import refuse
from tests.observing.views.checking import unsent_by_azure_monitor, unsent_by_otlp
from tests.observing.views.languages import missing_tools, read
from tests.observing.views.tables import declared
from tests.observing.views.views import (
    QUERIES,
    dashboard,
    kql,
    promql,
    workbook,
    workbook_written_anew,
)

_TELEMETRY = Path(__file__).parents[3] / "telemetry" / "otel"
# Azure Monitor's exporter makes of them standard metrics, which are no part of customMetrics, or leaves them out.
_OF_HTTP = {"http.server.request.duration", "http.server.active_requests"}
_UNSHOWN = {"messaging.process.duration"}  # in Application Insights a batch is a request, with its own duration


@pytest.fixture(scope="module")
def results() -> dict[str, list[str]]:
    """The columns that each query returns."""
    if missing_tools():
        refuse(missing_tools())
    return {place: found["results"] for place, found in read(tables=declared(), kql=kql())["kql"].items()}


def test_every_query_asks_application_insights_for_what_was_sent(rows) -> None:
    assert unsent_by_azure_monitor(kql(), rows) == []


def test_every_expression_asks_prometheus_for_what_was_sent(series) -> None:
    assert unsent_by_otlp(promql(), series) == []


def test_every_figure_that_the_code_makes_was_sent(told, rows) -> None:
    made = figures()
    assert made - {row["name"] for row in rows["customMetrics"]} == {"http.server.active_requests"}
    assert made == {
        metric.name
        for request in told.otlp["/v1/metrics"]
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_every_figure_is_shown_in_application_insights() -> None:
    texts = "".join(kql().values())
    assert {name for name in figures() if f'"{name}"' not in texts} == _OF_HTTP | _UNSHOWN


def test_every_figure_is_shown_in_grafana() -> None:
    texts = "".join(promql().values())
    assert [name for name in figures() if name.replace(".", "_") not in texts] == []


def test_a_query_begins_with_the_question_that_it_answers() -> None:
    for path in QUERIES.rglob("*.kql"):
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        assert re.fullmatch(r"// [A-Z].+[?.]", first), path
        assert rest.strip(), path


def test_the_workbook_is_made_of_the_queries_as_they_are() -> None:
    assert workbook() == workbook_written_anew(), "run: python deploy/application_insights/build.py"


def test_the_workbook_shows_every_query() -> None:
    shown = {place.removeprefix("workbook: ") for place in kql() if place.startswith("workbook: ")}
    assert shown - {"Role"} == {path.stem for path in QUERIES.glob("*.kql")} - {"roles"}


def test_the_workbook_has_its_parameters_and_a_tab_for_each_section() -> None:
    content = workbook()
    assert content["version"] == "Notebook/1.0"
    assert names(content, 9, "parameters") == ["TimeRange", "Role", "Operation"]
    tabs = [link["subTarget"] for item in items(content) if item["type"] == 11 for link in item["content"]["links"]]
    groups = [item["conditionalVisibility"]["value"] for item in items(content) if item["type"] == 12]
    assert tabs == groups
    assert len(tabs) == 7
    for item in items(content):
        if item["type"] == 3:
            left = re.findall(r"\{[A-Z]\w*(?::\w+)?\}", item["content"]["query"])
            assert set(left) <= {"{Role}", "{TimeRange:grain}", "{Operation}"}, item["name"]
            assert "let step = 5m;" not in item["content"]["query"], item["name"]
            assert "{Role}" in left or "{Operation}" in left, f"{item['name']} shows every service, whichever is chosen"


def test_every_chart_of_the_workbook_draws_columns_that_its_query_returns(results) -> None:
    charts = [item for item in items(workbook()) if "chartSettings" in item["content"]]
    drawn = [item for item in items(workbook()) if item["content"].get("visualization", "table") != "table"]
    assert charts == drawn
    for item in charts:
        settings = item["content"]["chartSettings"]
        asked = {settings["xAxis"], *settings["yAxis"], settings["group"]}
        assert asked <= set(results[f"workbook: {item['name']}"]), item["name"]


def test_every_label_in_a_legend_of_the_dashboard_is_one_that_its_series_keep() -> None:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, panel["title"]


def test_the_dashboard_is_one_that_grafana_can_draw() -> None:
    content = dashboard()
    ids = [panel["id"] for panel in content["panels"]]
    assert len(ids) == len(set(ids))
    assert {panel["type"] for panel in content["panels"]} == {"row", "stat", "timeseries", "table", "heatmap"}
    places: set[tuple[int, int]] = set()
    for panel in content["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24, panel["title"]
        assert not places & cells, f"{panel['title']} lies over another panel"
        places |= cells
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert 'job=~"$job"' in target["expr"], f"{panel['title']} shows every service, whichever is chosen"
    assert [each["name"] for each in content["templating"]["list"]] == ["datasource", "job"]


def test_no_view_names_an_instance_or_a_key() -> None:
    for path in QUERIES.parents[1].rglob("*"):
        if path.is_file() and path.suffix in {".json", ".kql", ".bicep", ".yaml"}:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"/subscriptions/|InstrumentationKey|127\.0\.0\.1|localhost", text), path


def figures() -> set[str]:
    """The names of all figures that the code makes: the first of what a call, or a row of a table, is given."""
    texts = [path.read_text(encoding="utf-8") for path in _TELEMETRY.glob("*.py")]
    return set(re.findall(r'\(\s*"((?:weir|messaging|http)\.[a-z_.]+)",\s*["\[]', "".join(texts)))


def items(content: Any) -> Iterator[dict[str, Any]]:
    for item in content["items"]:
        yield item
        yield from items(item["content"]) if "items" in item["content"] else ()


def names(content: Any, kind: int, key: str) -> list[str]:
    return [each["name"] for item in items(content) if item["type"] == kind for each in item["content"][key]]
