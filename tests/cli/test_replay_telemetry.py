"""`weir replay` tells of each slice, from whichever process finished it."""

import pytest

from tests.cli.running import weir
from tests.replay.commanded import LINES, furnish


@pytest.mark.parametrize("workers", [1, 2])
def test_a_span_for_each_slice(tmp_path, ingestion, workers):
    place = furnish(tmp_path)
    done = weir("replay", "archive", "--to", "out", "--workers", workers, cwd=place, **ingestion.collector)
    assert done.returncode == 0, done.stderr
    spans = [
        (resource, span, {each.key: each.value for each in span.attributes})
        for request in ingestion.otlp["/v1/traces"]
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert {span.name for _, span, _ in spans} == {"replay"}
    records = [attributes["weir.batch.records"].int_value for *_, attributes in spans]
    assert sum(records) == sum(LINES)
    assert {attributes["weir.model.name"].string_value for *_, attributes in spans} == {"payments"}
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for _, span, _ in spans)
    instances = {
        each.value.string_value
        for r, *_ in spans
        for each in r.resource.attributes
        if each.key == "service.instance.id"
    }
    assert len(instances) == workers
