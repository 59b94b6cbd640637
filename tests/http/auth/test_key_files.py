import os

import pytest

from function_app.auth import KeyAuthenticator, authenticator
from function_app.auth.key_sources import local_keys
from function_app.settings import AuthSettings
from scoring.errors import ConfigurationError
from tests.http.auth.asking import accepts, refused, wait_until

ONE, TWO = "first-key-0123456789", "second-key-0123456789"


def quick(settings):
    """An authenticator that reads again at once."""
    made = authenticator(settings)
    assert isinstance(made, KeyAuthenticator)
    made._refresher._interval_s = made._refresher._floor_s = 0.02
    return made


@pytest.fixture
def primary(tmp_path):
    path = tmp_path / "primary"
    path.write_text(ONE + "\n")
    return path


async def test_a_file_is_read_again(primary):
    async with quick(AuthSettings(primary_key_file=primary)) as made:
        assert accepts(made, ONE)
        primary.write_text(TWO)
        await wait_until(lambda: accepts(made, TWO))
        refused(made, ONE)


async def test_a_mounted_secret_that_is_swapped_as_kubernetes_does(tmp_path):
    for version, key in (("..one", ONE), ("..two", TWO)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "primary").write_text(key)
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "primary").symlink_to("..data/primary")
    async with quick(AuthSettings(primary_key_file=tmp_path / "primary")) as made:
        assert accepts(made, ONE)
        (tmp_path / "..new").symlink_to("..two")
        (tmp_path / "..new").rename(tmp_path / "..data")
        await wait_until(lambda: accepts(made, TWO))


async def test_a_file_that_goes_revokes_its_key_while_another_is_there(primary, tmp_path):
    secondary = tmp_path / "secondary"
    async with quick(AuthSettings(primary_key_file=primary, secondary_key_file=secondary)) as made:
        refused(made, TWO)
        secondary.write_text(TWO)
        await wait_until(lambda: accepts(made, TWO))
        primary.unlink()
        await wait_until(lambda: not accepts(made, ONE))
        assert accepts(made, TWO)


@pytest.mark.parametrize("spoil", ["gone", "empty", "short", "binary", "folder", "pipe", "endless"])
async def test_a_spoilt_file_leaves_the_last_key(primary, spoil, caplog):
    async with quick(AuthSettings(primary_key_file=primary)) as made:
        primary.unlink()
        match spoil:
            case "empty":
                primary.write_text("")
            case "short":
                primary.write_text(ONE[:9])
            case "binary":
                primary.write_bytes(bytes(range(256)))
            case "folder":
                primary.mkdir()
            case "pipe":
                os.mkfifo(primary)
            case "endless":
                primary.write_text("x" * 10_000_000)
        await wait_until(lambda: caplog.records)
        assert accepts(made, ONE)
    assert {
        "gone": f"there is no file {primary}",
        "folder": f"primary_key_file {primary} is not a file",
        "pipe": f"primary_key_file {primary} is not a file",
        "binary": "the primary key must",
    }.get(spoil, "the primary key must have 16 to 1024 characters") in caplog.text
    assert ONE[:9] not in caplog.text.replace(str(primary), "")


async def test_it_does_not_start_without_any_file(tmp_path):
    settings = AuthSettings(primary_key_file=tmp_path / "a", secondary_key_file=tmp_path / "b")
    with pytest.raises(ConfigurationError) as caught:
        await authenticator(settings).__aenter__()
    assert str(caught.value) == f"the keys in files: there is no file {tmp_path / 'a'} or {tmp_path / 'b'}"


async def test_a_path_through_a_file_is_told(primary):
    with pytest.raises(ConfigurationError) as caught:
        await authenticator(AuthSettings(primary_key_file=primary / "below")).__aenter__()
    assert "cannot read primary_key_file" in str(caught.value)
    assert str(caught.value).endswith(": Not a directory")


async def test_one_key_in_a_file_and_one_in_the_settings(primary):
    settings = AuthSettings(primary_key_file=primary, secondary_key=TWO)
    assert local_keys(settings).can_change
    async with quick(settings) as made:
        assert accepts(made, ONE)
        assert accepts(made, TWO)
