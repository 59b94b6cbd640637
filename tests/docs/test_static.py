"""What can be said of the documents without running them: links, addresses, and that nothing is left out."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from scoring.manifest import Manifest
from scoring.outcomes import RejectionCode
from tests.docs.pages import ROOT, Block, blocks, documents, pages, steps
from tests.docs.settings import actual, documented
from weir.settings import load_settings

_LINK = re.compile(r"\[[^\]]+\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LANGUAGES = {"console", "sh", "python", "yaml", "json", "text"}
_REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|maven\.org|repo\.maven|mvnrepository|docker\.(io|com)|ghcr\.io|"
    r"quay\.io|mcr\.microsoft|anaconda\.(org|com)|conda-forge|crates\.io|proxy\.golang|index-url[= ]+http|artifactory"
)
_ELSEWHERE = ("Makefile", "pyproject.toml", ".pre-commit-config.yaml", ".ci/run", "tests/brokers/pom.xml")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_documents() -> None:
    names = {named(path) for path in documents()}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/index.md", "examples/fraud/README.md"} <= names


@pytest.mark.parametrize("page", documents(), ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for match in _LINK.finditer(_CODE.sub("", page.read_text(encoding="utf-8"))):
        target, _, anchor = match["target"].partition("#")
        if target.startswith(("http://", "https://")):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{named(page)}: {match[0]} leads nowhere"
        assert not anchor or anchor in _anchors(path), f"{named(page)}: {match[0]}: there is no such heading"


def _anchors(page: Path) -> set[str]:
    """The headings as links name them: small letters, blanks as dashes, no other signs."""
    titles = [match["title"] for match in _HEADING.finditer(_CODE.sub("", page.read_text(encoding="utf-8")))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    others = {path.name for path in ROOT.glob("docs/*")} - {"index.md"}
    assert [name for name in sorted(others) if f"({name})" not in index] == []


@pytest.mark.parametrize(
    "path", [*documents(), *(ROOT / name for name in _ELSEWHERE), *ROOT.glob("requirements/*")], ids=named
)
def test_no_registry_is_named(path: Path) -> None:
    if path.exists():
        assert _REGISTRIES.search(path.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("page", [*pages(), ROOT / "CONTRIBUTING.md"], ids=named)
def test_every_block_is_of_a_kind_that_is_looked_at(page: Path) -> None:
    for block in blocks(page):
        where = f"{named(page)}:{block.line}"
        assert block.language in _LANGUAGES, f"{where}: a block of {block.language or 'no language'}"
        assert block.language != "python" or block.file, f"{where}: a script that no command can run"
        if block.language == "console":
            assert list(steps(block)), f"{where}: no command"
        if block.language == "sh":
            _is_make(block, where)
        if block.language == "json" and not block.file:
            json.loads(block.text)


def _is_make(block: Block, where: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in block.text.splitlines():
        command, _, target = line.split("  #")[0].strip().partition(" ")
        assert command == "make", f"{where}: {line!r} is not run by any test: write it in a console block"
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), f"{where}: the Makefile has no target {target!r}"


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_piece_of_configuration_loads(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = next(block for block in blocks(ROOT / "README.md") if block.file == "weir.yaml")
    for block in blocks(page):
        if block.language == "yaml" and not block.file and "kind: event_hubs" not in block.text:
            if "sasl" in block.text:
                monkeypatch.setenv("WEIR__STREAM__SOURCE__SASL__PASSWORD", "from the environment")
            path = tmp_path / "weir.yaml"
            path.write_text(yaml.safe_dump(_joined(yaml.safe_load(readme.text), yaml.safe_load(block.text))))
            load_settings(path)


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_stream_of_event_hubs_loads(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml" and "kind: event_hubs" in block.text:
            path = tmp_path / "weir.yaml"
            path.write_text("deployments: [{name: blue, model: fraud}]\n" + block.text)
            load_settings(path)


def _joined(whole: Any, piece: Any) -> Any:
    if isinstance(whole, dict) and isinstance(piece, dict):
        return whole | {key: _joined(whole.get(key), value) for key, value in piece.items()}
    return piece


def test_every_setting_is_documented_with_its_default() -> None:
    assert documented() == actual()


def test_every_code_of_a_dead_letter_is_documented() -> None:
    page = (ROOT / "docs" / "predictions.md").read_text(encoding="utf-8")
    table = page.partition("| code |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(get_args(RejectionCode))


def test_every_field_of_a_manifest_is_documented() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = page.partition("## The manifest")[2]
    fields = [name for row in re.findall(r"^\| (`.+?) \|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(fields) == sorted(Manifest.model_fields)
