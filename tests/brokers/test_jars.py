import subprocess

import pytest

from tests.brokers.jars import missing_tools, server_jars

FETCHES = """#!/bin/sh
for option; do case $option in -DoutputDirectory=*) folder=${option#*=};; esac; done
mkdir -p "$folder" && touch "$folder/kafka.jar"
"""
FAILS_HALF_WAY = FETCHES + "echo 'Could not transfer the rest'; exit 1\n"


@pytest.fixture
def maven(tmp_path, monkeypatch):
    """Install a Maven made of shell, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")

    def install(script):
        path = tmp_path / "bin" / "mvn"
        path.write_text(script)
        path.chmod(0o755)

    return install


def test_jars_are_fetched_once(maven, monkeypatch):
    maven(FETCHES)
    folder = server_jars()
    assert [jar.name for jar in folder.iterdir()] == ["kafka.jar"]
    assert folder.name.startswith("kafka-4.")
    monkeypatch.setattr(subprocess, "run", None)
    assert server_jars() == folder


def test_a_download_that_fails_leaves_nothing_behind(maven, tmp_path):
    maven(FAILS_HALF_WAY)
    with pytest.raises(RuntimeError, match="could not fetch Apache Kafka:\nCould not transfer the rest"):
        server_jars()
    assert not list((tmp_path / "cache" / "weir").iterdir())
    maven(FETCHES)
    assert (server_jars() / "kafka.jar").exists()


def test_of_two_runs_that_fetch_the_second_takes_the_jars_of_the_first(maven):
    maven(FETCHES)
    folder = server_jars()
    first = folder.rename(folder.with_name("first"))
    maven(FETCHES + f'mv "{first}" "{folder}"\n')  # the first run finishes while the second one fetches
    assert server_jars() == folder
    assert [jar.name for jar in folder.iterdir()] == ["kafka.jar"]


def test_what_is_missing_is_said(maven, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_tools() == "Apache Kafka needs Java 17 or newer"
    java = tmp_path / "java"
    java.touch(mode=0o755)
    assert missing_tools() == "Apache Kafka's jars need Maven (mvn) to fetch them once"
