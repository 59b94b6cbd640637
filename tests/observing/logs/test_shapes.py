"""Secrets and bodies that are known by their shape."""

import pytest

from telemetry.logs.shapes import BODY, CARD, SECRET, mask_shapes

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlY2FuYXJ5"
KEY = "c2VjcmV0Y2FuYXJ5c2VjcmV0Y2FuYXJ5MTIzNDU2Nzg="


def masked(text: str) -> str:
    return mask_shapes(text).replace(SECRET, "[S]").replace(CARD, "[C]").replace(BODY, "[B]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"Endpoint=sb://h.net/;SharedAccessKeyName=root;SharedAccessKey={KEY};EntityPath=hub",
            "Endpoint=sb://h.net/;SharedAccessKeyName=root;SharedAccessKey=[S];EntityPath=hub",
        ),
        (
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc==;EndpointSuffix=core.windows.net",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=[S];EndpointSuffix=core.windows.net",
        ),
        ("InstrumentationKey=0-0;IngestionEndpoint=https://x/", "InstrumentationKey=[S];IngestionEndpoint=https://x/"),
        ("sasl password=hunter2 refused", "sasl password=[S] refused"),
        ("password = 'a b \\' c' x", "password = '[S]' x"),
        ("https://a/b?sv=1&sig=aB%2Bc%3D&se=2", "https://a/b?sv=1&sig=[S]&se=2"),
        ("SharedAccessSignature sr=x&sig=abc&skn=root", "SharedAccessSignature [S]&sig=[S]&skn=root"),
        ("https://f.net/api?code=abc==", "https://f.net/api?code=[S]"),
        ("Authorization: Bearer abc.def more", "Authorization: [S]"),
        ("'authorization': 'Digest user=\\'x\\'', 'a': 1", "'authorization': '[S]', 'a': 1"),
        ("[('api-key', 'abc'), ('accept', 'x')]", "[('api-key', '[S]'), ('accept', 'x')]"),
        ("x-functions-key: abc", "x-functions-key: [S]"),
        ("Cookie: a=b; c=d", "Cookie: [S]"),
        ("was Bearer abcdef", "was Bearer [S]"),
        ("was Basic dXNlcjpwYXNz", "was Basic [S]"),
        ("amqps://user:p@ss@host:5671/x", "amqps://[S]@host:5671/x"),
        (f"token_{JWT}!", "token_[S]!"),
        (f"found {KEY}", "found [S]"),
        ("a -----BEGIN RSA PRIVATE KEY-----␊MII␊-----END RSA PRIVATE KEY----- b", "a [S] b"),
        ("a -----BEGIN PRIVATE KEY-----␊MII", "a [S]"),
        ("pan 4111 1111 1111 1111", "pan [C]"),
        ("--api-key=abc", "--api-key=[S]"),
        ("password: expected", "password: [S]"),
        ("http.auth.primary_key: Refused1", "http.auth.primary_key: [S]"),
    ],
)
def test_a_secret(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('bad {"amount": 1, "x": {"y": "}"}} here', "bad [B] here"),
        ("bad {'amount': 1, 'x': {}} here", "bad [B] here"),
        ('bad {␊  "amount": 1␊} here', "bad [B] here"),
        ('bad {"amount": 1, "x"', "bad [B]"),
        ('bad "{\\"amount\\": 1}" here', 'bad "[B]" here'),
        ("Event(value=b'abc\\'d', key=b\"x\")", "Event(value=[B], key=[S]"),
        ("cut b'abc", "cut [B]"),
        ("[type=int_type, input_value='abc', input_type=str]", "[type=int_type, input_value=[B], input_type=str]"),
        ("[type=int_type, input_value='abc", "[type=int_type, input_value=[B]"),
    ],
)
def test_a_body(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "scoring payments with fraud:3",
        "http.auth.primary_key: expected at least 16 characters",
        "http.auth.primary_key: refused",
        "connection_string: expected another",
        "WEIR__HTTP__AUTH__PRIMARY_KEY: is missing",
        "error code: 404; basic checks passed",
        "known are {'a', 'b'} and {1: 2}",
        "health on http://127.0.0.1:8080/readyz",
        "reading partitions [0, 1, 2]",
        "function_app.auth.refresh: read again",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        'File "telemetry/logs/shapes.py", line 17, in mask_shapes',
        "it's 5 o'clock: the key of the matter",
    ],
)
def test_what_is_no_secret_stays(text):
    assert masked(text) == text
