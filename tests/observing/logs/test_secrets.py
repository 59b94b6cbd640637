"""Which secrets a program was given."""

from pydantic import BaseModel, SecretBytes, SecretStr

from telemetry.logs import Redactor, secrets_in

HUB = "Endpoint=sb://h.net/;SharedAccessKeyName=root;SharedAccessKey=c2VjcmV0a2V5MTIzNA==;EntityPath=hub"


class Inner(BaseModel):
    password: SecretStr | None = None
    more: tuple[SecretStr, ...] = ()


class Outer(BaseModel):
    name: str = "not a secret"
    inner: Inner = Inner()
    by_name: dict[str, list[Inner]] = {}
    raw: SecretBytes | None = None


def test_secrets_of_the_settings_however_deep():
    settings = Outer(
        inner=Inner(password=SecretStr("one-pass"), more=(SecretStr("two-pass"),)),
        by_name={"a": [Inner(password=SecretStr("three-pass"))]},
        raw=SecretBytes(b"four-pass"),
    )
    assert secrets_in(settings, {}) == {"one-pass", "two-pass", "three-pass", "four-pass"}


def test_the_key_of_a_connection_string_alone():
    settings = Outer(inner=Inner(password=SecretStr(HUB)))
    assert secrets_in(settings, {}) == {HUB, "c2VjcmV0a2V5MTIzNA=="}


def test_secrets_of_the_environment():
    environ = {
        "DB_PASSWORD": "hunter22",
        "SHORT_TOKEN": "abc",
        "HOME": "/home/weir",
        "AzureWebJobsStorage": "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=YWNjb3VudGtleTEyMzQ=",
        "UPLOAD_TO": "https://a.net/c?sv=2024&sig=abcdefgh%3D&se=1",
        "HTTP_PROXY": "http://user:proxypass@proxy:3128",
        "SSL_KEY_FILE": "/etc/ssl/weir.key",
        "PWD": "/srv/weir",
    }
    assert secrets_in(Outer(), environ) == {"hunter22", "YWNjb3VudGtleTEyMzQ=", "abcdefgh%3D", "proxypass"}


def test_before_the_settings_are_read():
    assert secrets_in(None, {"DB_PASSWORD": "hunter22"}) == {"hunter22"}


def test_there_may_be_none():
    assert secrets_in(Outer(inner=Inner(password=SecretStr(""))), {}) == frozenset()


def test_settings_that_hold_themselves_end():
    class Ring(BaseModel):
        items: list[object] = []

    ring = Ring.model_construct(items=[])
    ring.items.append(ring.items)
    assert secrets_in(ring, {}) == frozenset()


def test_what_is_found_is_masked():
    redactor = Redactor(secrets_in(Outer(inner=Inner(password=SecretStr(HUB))), {}))
    assert redactor.text("signed with c2VjcmV0a2V5MTIzNA== for hub") == "signed with [secret] for hub"
