import json
import subprocess
from pathlib import Path

import pytest

from tests.emulators.azurite import Azurite
from tests.emulators.azurite_package import azurite_program, missing_tools

LOCK = Path(__file__).with_name("package-lock.json")
FETCHES = """#!/bin/sh
test "$1" = ci || exit 9
test -f package.json && test -f package-lock.json || exit 8
mkdir -p node_modules/azurite/dist/src/blob && echo 'process.exit(3)' > node_modules/azurite/dist/src/blob/main.js
"""
FAILS_HALF_WAY = FETCHES + "echo 'npm error network: could not fetch the rest'; exit 1\n"


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Install an npm made of shell, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")

    def install(script, name="npm"):
        path = tmp_path / "bin" / name
        path.write_text(script)
        path.chmod(0o755)

    return install


def test_it_is_fetched_once(npm, monkeypatch):
    npm(FETCHES)
    program = azurite_program()
    folder = program.parents[5]
    assert folder.name.startswith("azurite-3.")
    assert program.name == "main.js"
    monkeypatch.setattr(subprocess, "run", None)
    assert azurite_program() == program


def test_a_download_that_fails_leaves_nothing_behind_and_npm_s_words_are_shown(npm, tmp_path):
    npm(FAILS_HALF_WAY)
    with pytest.raises(RuntimeError, match="npm could not fetch Azurite:\nnpm error network: could not fetch the rest"):
        azurite_program()
    assert not list((tmp_path / "cache" / "weir").iterdir())
    npm(FETCHES)
    assert azurite_program().exists()


def test_of_two_runs_that_fetch_the_second_takes_what_the_first_has(npm):
    npm(FETCHES)
    program = azurite_program()
    folder = program.parents[5]
    first = folder.rename(folder.with_name("first"))
    npm(FETCHES + f'mv "{first}" "{folder}"\n')  # the first run finishes while the second one fetches
    assert azurite_program() == program
    assert program.exists()


def test_what_is_missing_is_said(npm, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert missing_tools() == "Azurite needs Node.js 20 or newer (node)"
    npm("#!/bin/sh\n", "node")
    assert missing_tools() == "Azurite's packages need npm to fetch them once"
    npm("#!/bin/sh\n")
    assert missing_tools() == ""


def test_what_it_printed_is_shown_where_it_does_not_start(npm):
    npm(FETCHES)
    npm("#!/bin/sh\necho 'a module is missing'\nexit 3\n", "node")
    with pytest.raises(RuntimeError, match="Azurite ended while it was starting:\na module is missing"):
        Azurite().__enter__()


def test_the_lock_names_no_registry_and_knows_every_package_by_its_digest():
    packages = json.loads(LOCK.read_text())["packages"]
    assert len(packages) > 100
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
