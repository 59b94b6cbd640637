"""`weir replay --compare`: what it writes, what it shows, and what it refuses in words."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from scoring import Outputs
from scoring.errors import ConfigurationError, WeirError
from stream_worker.replay.files import StorageOptions
from tests.cli.running import weir
from tests.replay.backtest.staging import Stage, events, lines
from tests.replay.staging import content
from weir.cli import app
from weir.replay.compare import CompareOptions, compare
from weir.settings import Settings, load_settings

MODELS = ("fraud@champion", "fraud@challenger")
CONFIG = "store: {store}\ndeployments:\n  - {{name: fraud, model: fraud@champion}}\n"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "weir.yaml").write_text(CONFIG.format(store=folder / "store"))
    lines(folder, count=500)
    return Stage(folder)


@pytest.fixture
def settings(stage: Stage) -> Settings:
    return load_settings(stage.folder / "weir.yaml")


def options(settings: Settings, to: Path | str | None, **more) -> CompareOptions:
    return CompareOptions(settings=settings, to=None if to is None else str(to), **more)


def refused(
    stage: Stage, given: CompareOptions, models: tuple[str, str] = MODELS, archive: str = "events.jsonl"
) -> str:
    with pytest.raises(ConfigurationError) as raised:
        compare([str(stage.folder / archive)], models, given)
    return str(raised.value)


def test_a_report_figures_and_rows(stage, tmp_path):
    config, archive = stage.folder / "weir.yaml", stage.folder / "events.jsonl"
    command = ["replay", archive, "--config", config, "--compare", *MODELS, "--label", "truth.fraud", "--to", "out"]
    result = weir(*command, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "fraud:2 gives 1 to " in result.stdout
    assert "They decide " in result.stdout
    assert result.stdout.endswith("report: out/report.html\n")
    figures = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (figures["events"], figures["compared"], figures["labelled"]) == (500, 490, 490)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "fraud@challenger" in page
    assert str(archive) in page
    assert pq.read_table(tmp_path / "out" / "events").num_rows == 500
    again = weir(*command, cwd=tmp_path)
    assert (again.returncode, again.stderr) == (
        2,
        "error: --to out is not empty: name another folder, or pass --overwrite to replace a comparison there\n",
    )


def test_nothing_that_is_in_an_event_is_shown(stage, settings, tmp_path, capsys):
    secret = tmp_path / "secret.jsonl"
    secret.write_bytes(
        b"".join(
            (event.value or b"{}").replace(b'"id"', b'"s3cret": "s3cret-4711", "id"') + b"\n" for event in events(50)
        )
    )
    compare([str(secret)], MODELS, options(settings, tmp_path / "out"))
    written = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) == 3
    assert not any(b"s3cret-4711" in text for text in written)
    assert "s3cret-4711" not in capsys.readouterr().out


def test_an_earlier_comparison_is_replaced(stage, settings, tmp_path):
    archive = str(stage.folder / "events.jsonl")
    compare([archive], MODELS, options(settings, tmp_path / "out", rows="jsonl"))
    compare([archive], MODELS, options(settings, tmp_path / "out", rows=None, overwrite=True))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["comparison.json", "report.html"]


def test_an_unfinished_comparison_is_begun_again(stage, settings, tmp_path, monkeypatch):
    archive, out = str(stage.folder / "events.jsonl"), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("weir.replay.compare.report", interrupt)
        with pytest.raises(KeyboardInterrupt):
            compare([archive], MODELS, options(settings, out))
    assert sorted(path.name for path in out.iterdir()) == ["comparison.json", "events", "unfinished"]
    (out / "comparison.json").unlink()
    compare([archive], MODELS, options(settings, out, overwrite=True))
    assert sorted(path.name for path in out.iterdir()) == ["comparison.json", "events", "report.html"]


def test_a_folder_of_blobs(stage, settings, tmp_path, azurite, monkeypatch):
    from adlfs import AzureBlobFileSystem

    blobs = AzureBlobFileSystem(connection_string=azurite.connection_string, skip_instance_cache=True)
    storage = StorageOptions(connection_string=azurite.connection_string)
    archive, to = str(stage.folder / "events.jsonl"), f"abfs://{azurite.create_container()}/out"
    given = options(settings, to, storage=storage, label="truth.fraud", workers=2)
    with monkeypatch.context() as patch:
        patch.setattr("weir.replay.compare.report", interrupt)
        with pytest.raises(KeyboardInterrupt):
            compare([archive], MODELS, given)
    assert "--to abfs://" in refused(stage, given)
    for _ in range(2):
        compare([archive], MODELS, replace(given, overwrite=True))
    compare([archive], MODELS, options(settings, tmp_path / "here", label="truth.fraud"))
    blobs.invalidate_cache()
    root = to.removeprefix("abfs://")
    assert {name.removeprefix(f"{root}/"): blobs.cat_file(name) for name in blobs.find(root)} == content(
        tmp_path / "here"
    )


def interrupt(*_):
    raise KeyboardInterrupt


def test_an_earlier_comparison_is_kept_when_a_new_one_cannot_begin(stage, settings, tmp_path):
    compare([str(stage.folder / "events.jsonl")], MODELS, options(settings, tmp_path / "out"))
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    refused(stage, options(settings, tmp_path / "out", overwrite=True, labels=str(tmp_path / "none.csv")))
    refused(stage, options(settings, tmp_path / "out", overwrite=True), archive="none.jsonl")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_what_is_not_ours_is_never_replaced(stage, settings, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    words = f"--to {tmp_path} is not empty: name another folder, or pass --overwrite to replace a comparison there"
    for overwrite in (False, True):
        assert refused(stage, options(settings, tmp_path, overwrite=overwrite)) == words
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_without_truth_it_says_so(stage, settings, tmp_path, capsys):
    compare([str(stage.folder / "events.jsonl")], MODELS, options(settings, tmp_path / "out", label="is.fraud"))
    assert "no truth is known of any of them: is.fraud of each event" in capsys.readouterr().out


def test_problems_are_told(stage, settings, tmp_path, capsys):
    (tmp_path / "bad.parquet").write_bytes(b"no table")
    lines(tmp_path, count=50)
    compare([str(tmp_path)], MODELS, options(settings, tmp_path / "out"))
    told = capsys.readouterr().out
    assert f"problem: {tmp_path}/bad.parquet, from 0 on: " in told
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["problems"] == 1
    assert "bad.parquet" in (tmp_path / "out" / "report.html").read_text()


def test_where_to_must_be_said(stage, settings, tmp_path):
    assert refused(stage, options(settings, None)) == (
        "where to? Pass --to FOLDER, for the report, the figures and the rows"
    )
    assert refused(stage, options(settings, tmp_path / "x.parquet")) == (
        f"--to {tmp_path}/x.parquet: expected a folder, for a comparison is several files"
    )


def test_models_of_other_tasks_are_refused_before_anything_is_written(stage, settings, tmp_path):
    fraud = stage.store.manifest("fraud", 1)
    stage.store.add(
        fraud.model_copy(update={"name": "values", "task": "regression", "outputs": Outputs()}),
        stage.store.model("fraud", 1),
    )
    assert refused(stage, options(settings, tmp_path / "out"), ("fraud:1", "values:1")) == (
        "fraud:1 and values:1 cannot be compared: the first is a binary model and the second a regression model"
    )
    assert not (tmp_path / "out").exists()


def test_an_archive_that_is_not_there(stage, settings, tmp_path):
    told = refused(stage, options(settings, tmp_path / "out"), archive="none.jsonl")
    assert told.startswith("there is nothing to compare them on: ")
    assert "none.jsonl: there is no such file" in told


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--label", "x"], "--label and --labels: say which models to compare, by --compare CHAMPION CHALLENGER"),
        (["--compare", *MODELS, "--model", "fraud"], "--model does not go with --compare"),
        (["--compare", *MODELS, "--dry-run"], "--dry-run does not go with --compare"),
        (["--compare", "fraud:1", "fraud:9"], "model 'fraud' has no version 9; it has 1, 2"),
    ],
)
def test_options_that_do_not_go_together(stage, tmp_path, more, words):
    config, archive = stage.folder / "weir.yaml", stage.folder / "events.jsonl"
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["replay", str(archive), "--config", str(config), "--to", str(out), *more])
    assert isinstance(result.exception, WeirError)
    assert str(result.exception) == words
    assert not out.exists()
