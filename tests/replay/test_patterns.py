"""Paths of Capture files: the default template, others, and what is none."""

import pytest

from scoring.errors import ConfigurationError
from stream_worker.replay.patterns import DEFAULT_PATTERN, Pattern, Placed


@pytest.mark.parametrize("text", [None, "default", DEFAULT_PATTERN, f"/{DEFAULT_PATTERN}/"])
def test_the_default_is_known_by_name(text):
    pattern = Pattern(text)
    assert pattern.names_hub
    assert pattern.match("/data/x/contoso/transactions/12/2024/05/01/09/05/00") == Placed(
        namespace="contoso", hub="transactions", partition=12, time=(2024, 5, 1, 9, 5, 0)
    )


def test_what_stands_before_it_does_not_matter():
    match = Pattern(None).match
    assert match("n/h/0/2024/05/01/09/05/00") == match("abfs://container/a/b/n/h/0/2024/05/01/09/05/00")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "h/0/2024/05/01/09/05/00",
        "n/h/x/2024/05/01/09/05/00",
        "n/h/0/2024/05/01/09/05/00/more",
        "n/h/0/24/05/01/09/05/00",
    ],
)
def test_a_path_that_ends_otherwise_does_not_match(path):
    assert Pattern(None).match(path) is None


@pytest.mark.parametrize(
    ("text", "path", "namespace", "hub", "partition", "time"),
    [
        ("{Year}-{Month}-{Day}/{EventHub}_p{PartitionId}", "a/2024-5-1/o_p3", None, "o", 3, (2024, 5, 1, 0, 0, 0)),
        ("{EventHub}/{Namespace}/{PartitionId}", "orders/n/31", "n", "orders", 31, (0,) * 6),
        ("{EventHub}/{PartitionId}/{EventHub}.{Minute}", "o/1/o.59", None, "o", 1, (0, 0, 0, 0, 59, 0)),
        ("{PartitionId}/{Hour}", "x/7/23", None, None, 7, (0, 0, 0, 23, 0, 0)),
        ("{EventHub}/all", "x/orders/all", None, "orders", 0, (0,) * 6),
        ("a+b({Second})/{PartitionId}", "a+b(9)/0", None, None, 0, (0, 0, 0, 0, 0, 9)),
    ],
)
def test_fields_stand_in_any_order_between_any_text(text, path, namespace, hub, partition, time):  # noqa: PLR0917
    assert Pattern(text).match(path) == Placed(namespace=namespace, hub=hub, partition=partition, time=time)
    assert Pattern(text).names_hub == (hub is not None)
    assert Pattern(text).names_partition == ("PartitionId" in text)


def test_a_field_that_comes_twice_says_the_same_twice():
    pattern = Pattern("{EventHub}/{PartitionId}/{EventHub}")
    assert pattern.match("a/0/b") is None
    assert pattern.match("a/0/a") is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{Hub}/{PartitionId}",
            (
                "pattern '{Hub}/{PartitionId}': there is no field {Hub}; expected Namespace, EventHub, "
                "PartitionId, Year, Month, Day, Hour, Minute, Second"
            ),
        ),
        ("captured", f"pattern 'captured': expected fields such as {DEFAULT_PATTERN}"),
        ("", f"pattern '': expected fields such as {DEFAULT_PATTERN}"),
        (
            "{}",
            (
                "pattern '{}': there is no field {}; expected Namespace, EventHub, PartitionId, Year, Month, Day, "
                "Hour, Minute, Second"
            ),
        ),
    ],
)
def test_a_template_that_is_none_is_an_error_in_words(text, message):
    with pytest.raises(ConfigurationError) as caught:
        Pattern(text)
    assert str(caught.value) == message
