"""What a target refuses to touch, and the places of files that are not whole."""

import pytest

from scoring.errors import ConfigurationError
from stream_worker.replay.files import StorageOptions
from stream_worker.replay.output import LOCK, PLAN
from stream_worker.replay.run import run
from stream_worker.replay.targets import target_at
from tests.replay.reading import archive, payment
from tests.replay.staging import Stage, content
from tests.replay.test_output import FINISHED_OUTPUT, work_on

HERE = StorageOptions()


@pytest.mark.parametrize(
    ("to", "there", "words"),
    [
        ("out", "out/summary.json", "out holds files that are not a replay's output"),
        ("out", "out.partial/precious.txt", "out.partial is where the output would be made, and holds files that"),
        ("out.jsonl", "out.jsonl.partial/precious.txt", "out.jsonl.partial is where the output would be made, and"),
        ("out.jsonl", "out.dead_letters.jsonl", "out.jsonl would replace out.dead_letters.jsonl, which stands beside"),
        ("out.jsonl", "out.summary.json", "out.jsonl would replace out.summary.json, which stands beside it and is"),
        ("out.jsonl", "out.histogram.png", "out.jsonl would replace out.histogram.png, which stands beside it and"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_not_ours_is_not_touched(to, there, words, overwrite, tmp_path):
    stage = Stage(tmp_path)
    path = tmp_path / there
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'{"records": "mine"}')
    before = content(tmp_path)
    with pytest.raises(ConfigurationError) as error:
        run(stage.order(archive(tmp_path, [payment(1)]), to=to, overwrite=overwrite))
    assert words in str(error.value)
    assert content(tmp_path) == before | {"0.jsonl": payment(1) + b"\n"}


def test_two_files_of_one_stem_do_not_share_their_summary(tmp_path):
    stage = Stage(tmp_path)
    groups = archive(tmp_path / "archive", [payment(1)])
    run(stage.order(groups, to="a.jsonl"))
    with pytest.raises(
        ConfigurationError, match=r"a\.parquet would replace a\.summary\.json, which stands beside it and"
    ):
        run(stage.order(groups, to="a.parquet", rows="parquet", overwrite=True))
    run(stage.order(groups, to="a.jsonl", overwrite=True))


@pytest.mark.parametrize("name", ["out", "out.jsonl"])
@pytest.mark.parametrize("left", [PLAN, LOCK])
def test_what_a_replay_has_left_is_ours(name, left, tmp_path):
    target = target_at(str(tmp_path / name), HERE)
    target.work.put(left, b"")
    target.work.put("journal/a.jsonl", b"")
    target.check()


@pytest.mark.parametrize("name", ["out", "out.jsonl"])
def test_what_killed_writers_have_left_does_not_appear(name, tmp_path):
    target = target_at(str(tmp_path / name), HERE)
    work_on(target)
    for place in (f"{name}.partial/output/predictions/a", f"{name}.partial/journal", "."):
        folder = tmp_path / place
        (folder / f".{name}.elsewhere.1.2.writing").write_bytes(b"torn")
    (tmp_path / ".theirs.elsewhere.1.2.writing").write_bytes(b"of another output")
    target.appear(FINISHED_OUTPUT)
    torn = [path.name for path in tmp_path.rglob(".*.writing")]
    assert torn == [".theirs.elsewhere.1.2.writing", *[f".{name}.elsewhere.1.2.writing"] * (name == "out")]
