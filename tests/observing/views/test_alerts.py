"""The alerts: rules for Azure Monitor in Bicep, and the same for Prometheus."""

import re
from typing import Any

import pytest

from tests.conftest import refuse
from tests.observing.views.languages import missing_tools, read
from tests.observing.views.tables import declared
from tests.observing.views.views import ALERTS, BICEP, kql, rules

# Of Microsoft.Insights/scheduledQueryRules@2022-06-15.
_RULE = {
    "displayName", "description", "severity", "enabled", "scopes", "evaluationFrequency", "windowSize", "criteria",
    "autoMitigate", "actions",
}  # fmt: skip
_CRITERION = {
    "query", "timeAggregation", "metricMeasureColumn", "dimensions", "operator", "threshold", "failingPeriods",
}  # fmt: skip


@pytest.fixture(scope="module")
def bicep() -> Any:
    if missing_tools():
        refuse(missing_tools())
    return read(bicep={"alerts": BICEP.read_text(encoding="utf-8")})["bicep"]["alerts"]


@pytest.fixture(scope="module")
def criteria(bicep) -> dict[str, dict[str, Any]]:
    return {rule["name"]: rule["criterion"] for rule in bicep["variables"]["rules"]}


def test_the_rules_for_azure_are_bicep(bicep) -> None:
    assert bicep["problems"] == []
    [resource] = bicep["resources"]
    assert resource["kind"] == "Microsoft.Insights/scheduledQueryRules@2022-06-15"
    assert set(resource["body"]) == {"name", "location", "kind", "properties"}
    assert set(resource["body"]["properties"]) == _RULE


def test_every_parameter_is_used(bicep) -> None:
    assert {"componentId", "actionGroupIds"} <= set(bicep["parameters"])
    text = re.sub(r"(?m)'[^'$\n]*'|^ *\w+:|^//.*", "", BICEP.read_text(encoding="utf-8"))
    for name in (*bicep["parameters"], *bicep["variables"]):
        assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is declared and never used"


def test_there_are_five_rules_and_each_takes_its_query_from_a_file(criteria) -> None:
    assert list(criteria) == ["lag", "rejects", "latency", "drift", "no-events"]
    loaded = {name: each["query"] for name, each in criteria.items()}
    assert loaded == {name: f"loadTextContent('queries/alerts/{name.replace('-', '_')}.kql')" for name in criteria}
    assert {path.stem.replace("_", "-") for path in ALERTS.glob("*.kql")} == set(criteria)


def test_a_rule_measures_and_splits_by_columns_that_its_query_returns(criteria) -> None:
    found = read(tables=declared(), kql=kql())["kql"]
    for name, criterion in criteria.items():
        assert set(criterion) <= _CRITERION
        assert criterion["operator"] in {"GreaterThan", "LessThan"}
        columns = set(found[f"alerts/{name.replace('-', '_')}.kql"]["results"])
        asked = {each["name"] for each in criterion.get("dimensions", [])}
        if criterion["timeAggregation"] == "Count":
            assert "metricMeasureColumn" not in criterion
        else:
            asked.add(criterion["metricMeasureColumn"])
        assert asked <= columns, name
        assert "timestamp" in columns, name


def test_the_rules_for_prometheus_are_about_the_same() -> None:
    assert [rule["alert"] for rule in rules()] == [
        "WeirLag", "WeirRejects", "WeirEventLatency", "WeirRequestLatency", "WeirDrift", "WeirNoEvents",
    ]  # fmt: skip
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_bounds_are_the_same_for_azure_and_for_prometheus(bicep) -> None:
    bounds = {rule["alert"]: re.findall(r"(?:>|==) ([\d.]+)", rule["expr"]) for rule in rules()}
    parameters = bicep["parameters"]
    assert bounds == {
        "WeirLag": [str(parameters["lagThreshold"])],
        "WeirRejects": [str(parameters["rejectedPercentThreshold"] / 100)],
        "WeirEventLatency": [str(parameters["latencyThreshold"])],
        "WeirRequestLatency": [f"{parameters['latencyThreshold'] / 1000:g}"],
        "WeirDrift": [parameters["psiThreshold"]],
        "WeirNoEvents": ["0"],
    }


def test_an_annotation_names_labels_that_its_expression_keeps() -> None:
    for rule in rules():
        kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
        named = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
        assert set(named) <= kept, rule["alert"]
