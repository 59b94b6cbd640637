"""The languages' parsers are fetched once, and what they find is told."""

from pathlib import Path

import pytest

from tests.conftest import refuse
from tests.observing.views import languages

LOCK = Path(languages.__file__).with_name("package-lock.json")
FETCHES = """#!/bin/sh
test "$1" = ci || exit 9
test -f package.json && test -f package-lock.json || exit 8
mkdir node_modules
"""
READS = "#!/bin/sh\necho '{}'\n"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Install programs made of shell, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")

    def install(name, script):
        path = tmp_path / "bin" / name
        path.write_text(script)
        path.chmod(0o755)

    install("node", READS)
    return install


def test_they_are_fetched_once(program, tmp_path):
    program("npm", FETCHES)
    assert languages.read(kql={}) == {}
    program("npm", "exit 1")
    assert languages.read(kql={}) == {}
    assert [path.name[:16] for path in (tmp_path / "cache" / "weir").iterdir()] == ["query-languages-"]


def test_a_download_that_fails_leaves_nothing_behind_and_npm_s_words_are_shown(program, tmp_path):
    program("npm", FETCHES + "echo 'npm error network'; exit 1\n")
    with pytest.raises(RuntimeError, match="npm could not fetch the languages' parsers:\nnpm error network"):
        languages.read(kql={})
    assert not list((tmp_path / "cache" / "weir").iterdir())


def test_a_reader_that_fails_is_told(program):
    program("npm", FETCHES)
    program("node", "#!/bin/sh\necho 'SyntaxError: no' >&2; exit 1\n")
    with pytest.raises(RuntimeError, match="could not be read:\nSyntaxError: no"):
        languages.read(kql={})


def test_a_machine_without_node_is_told_what_is_missing(program, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert languages.missing_tools() == "reading queries needs Node.js 20 or newer (node)"
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert languages.missing_tools() == "the languages' parsers need npm to fetch them once"


def test_the_lock_names_no_place_to_fetch_from():
    assert "resolved" not in LOCK.read_text(encoding="utf-8")
    assert "integrity" in LOCK.read_text(encoding="utf-8")


def test_each_language_is_read():
    if languages.missing_tools():
        refuse(languages.missing_tools())
    found = languages.read(
        tables={"t": "(a: string, d: dynamic)"},
        kql={
            "good": 't | where a in ("x", "y") and d["k"] == "z" | project b = d.other',
            "bad": "t | where nowhere == 1",
        },
        promql={"good": 'sum by (a) (rate(m_total{b="c"}[5m])) / on (a) n', "bad": "sum("},
        bicep={"good": "param a int = 3\nvar b = {\n  c: ['d', a]\n}\n", "bad": "param = = {"},
    )
    good = found["kql"]["good"]
    assert good["problems"] == []
    assert (good["tables"], good["results"]) == (["t"], ["b"])
    assert good["compared"] == [["a", "in", "x"], ["a", "in", "y"], ['d["k"]', "==", "z"]]
    assert good["keys"] == [["d", "k"], ["d", "other"]]
    assert "'nowhere' does not refer to any known column" in found["kql"]["bad"]["problems"][0]
    good = found["promql"]["good"]
    assert good == {"problems": [], "selectors": [["m_total", ["b"]], ["n", []]], "groupings": [["a"], ["a"]]}
    assert found["promql"]["bad"]["problems"]
    good = found["bicep"]["good"]
    assert (good["problems"], good["parameters"], good["variables"]) == ([], {"a": 3}, {"b": {"c": ["d", "a"]}})
    assert found["bicep"]["bad"]["problems"]
