import pytest
from pydantic import SecretStr, ValidationError

from scoring.errors import ConfigurationError
from scoring.validation import in_words
from telemetry.collection import CollectionSettings, refuse_unknown_names
from telemetry.collection.settings import blob_place
from tests.observing.collection.making import KEY, card_manifest, settings
from tests.scoring.makers import feature, manifest
from weir.settings import load_settings

ACCOUNT = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=SECRET=="


def test_what_is_not_said():
    plain = CollectionSettings(to="collection")
    assert (plain.share, plain.columns, plain.sensitive, plain.flush_s) == (0.01, (), (), 60)
    assert (plain.part_rows, plain.queue_rows) == (32_768, 131_072)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"to": ""}, "to: expected a folder, or abfs://container/path (found '')"),
        ({"to": "s3://bucket/x"}, "to: expected a folder, or abfs://container/path (found 's3://bucket/x')"),
        ({"to": "abfs:///x"}, "to: expected a folder, or abfs://container/path (found 'abfs:///x')"),
        ({"to": "abfs://c/x?sig=1"}, "to: expected a folder, or abfs://container/path (found 'abfs://c/x?sig=1')"),
        (
            {"to": "abfs://c/x"},
            (
                "to: abfs://c/x: which storage account? Set WEIR__TELEMETRY__COLLECTION__CONNECTION_STRING in the "
                "environment, or write abfs://container@account.dfs.core.windows.net/path"
            ),
        ),
        ({"share": 0}, "share: Input should be greater than 0 (found 0)"),
        ({"share": 1.5}, "share: Input should be less than or equal to 1 (found 1.5)"),
        (
            {"sensitive": ["card"]},
            (
                "sensitive needs hash_key, for without a key all card numbers can be tried: "
                "set WEIR__TELEMETRY__COLLECTION__HASH_KEY in the environment"
            ),
        ),
        ({"hash_key": "too short"}, "hash_key: expected 16 to 64 bytes"),
        ({"hash_key": "long" * 17}, "hash_key: expected 16 to 64 bytes"),
        ({"queue_rows": 10}, "queue_rows: expected part_rows, 32768, or more (found 10)"),
        ({"shares": 1}, "shares: there is no such key"),
    ],
)
def test_what_is_refused(fields, message):
    with pytest.raises(ValidationError) as caught:
        CollectionSettings.model_validate({"to": "collection"} | fields)
    assert in_words(caught.value) == message


def test_no_error_shows_the_key():
    for fields in ({"hash_key": "SECRET"}, {"hash_key": "SECRET" * 4, "share": 2}, {"hash_key": "SECRET" * 20}):
        with pytest.raises(ValidationError) as caught:
            CollectionSettings.model_validate({"to": "collection"} | fields)
        assert "SECRET" not in str(caught.value)
        assert "SECRET" not in in_words(caught.value)


def test_not_the_whole_files_either(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIR__TELEMETRY__COLLECTION__HASH_KEY", "SECRET")
    path = tmp_path / "weir.yaml"
    path.write_text("deployments: [{name: a, model: a}]\ntelemetry: {collection: {to: x, sensitive: [card]}}")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)
    assert str(caught.value) == (
        f"{path} with WEIR__TELEMETRY__COLLECTION__HASH_KEY of the environment: "
        "telemetry.collection.hash_key: expected 16 to 64 bytes"
    )


def test_no_text_shows_a_secret():
    shown = settings("abfs://c/x", hash_key="SECRET" * 4, connection_string=ACCOUNT)
    assert "SECRET" not in f"{shown!r} {shown} {shown.model_dump_json()}"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("collection", None),
        ("/var/collection", None),
        ("abfs://c", ("c", "", None)),
        ("abfs://c/a/b/", ("c", "a/b", None)),
        ("abfss://c@contoso.dfs.core.windows.net/a", ("c", "a", "https://contoso.blob.core.windows.net")),
        ("az://c@contoso.blob.core.windows.net", ("c", "", "https://contoso.blob.core.windows.net")),
    ],
)
def test_places(path, place):
    assert blob_place(path) == place


class TestNames:
    def test_those_of_any_model_are_known(self):
        other = manifest(feature("Age", path=("person", "age")))
        chosen = settings(columns=["card", "id", "Age"], sensitive=["person.age", "card"], hash_key=KEY)
        refuse_unknown_names(chosen, [card_manifest(), other])

    @pytest.mark.parametrize("key", ["columns", "sensitive"])
    def test_a_slip_is_refused(self, key):
        with pytest.raises(ConfigurationError) as caught:
            refuse_unknown_names(settings(**{key: ["crad"]}, hash_key=SecretStr(KEY)), [card_manifest()])
        assert str(caught.value) == (
            f"telemetry.collection.{key}: 'crad' is nothing that model:1 is fed; known are amount, country, card, id"
        )

    def test_a_long_list_is_cut(self):
        wide = manifest(*(feature(f"f{number}") for number in range(12)))
        with pytest.raises(ConfigurationError, match=r"known are f0, f1, .*, f9 and 2 more$"):
            refuse_unknown_names(settings(columns=["f12"]), [wide])
