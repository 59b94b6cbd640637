import hashlib

from pydantic import SecretStr

from telemetry.collection.hashing import Hasher
from tests.observing.collection.making import KEY


def test_a_hash_is_that_of_the_values_json_text_under_the_key():
    values = ["4111", 7, 0.5, True, None, [1.0, 2.0], 'a "quoted" é']
    texts = ['"4111"', "7", "0.5", "true", None, "[1.0,2.0]", '"a \\"quoted\\" é"']
    expected = [
        None if text is None else hashlib.blake2b(text.encode(), digest_size=16, key=KEY.encode()).hexdigest()
        for text in texts
    ]
    assert Hasher(SecretStr(KEY))(values) == expected


def test_another_key_gives_others():
    one, other = Hasher(SecretStr(KEY))(["x"]), Hasher(SecretStr(KEY + "!"))(["x"])
    assert one != other
