"""Every command of README.md, docs/ and the examples, run in the order of its page, and what it prints.

The pages in docs/ go on from the README: each gets a copy of the folder that its commands leave.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.docs.matching import matches
from tests.docs.pages import ROOT, blocks, pages, steps
from tests.docs.shell import Shell
from weir.demo.broker import EmbeddedBroker

README = ROOT / "README.md"
PAGES = [page for page in pages() if page != README and any(block.language == "console" for block in blocks(page))]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@contextmanager
def opened(page: Path, folder: Path) -> Iterator[Shell]:
    """A shell in the folder; for a page that speaks of `$KAFKA`, beside a broker at that address."""
    if "$KAFKA" in page.read_text(encoding="utf-8"):
        with EmbeddedBroker() as broker, Shell(folder, KAFKA=broker.bootstrap_servers) as shell:
            make_topics(broker.bootstrap_servers)
            yield shell
    else:
        with Shell(folder) as shell:
            yield shell


def make_topics(address: str) -> None:
    """Make what the README says there must be: here a topic appears when it is asked for."""
    client = Producer({"bootstrap.servers": address})
    for topic in ("transactions", "predictions", "transactions.dead"):
        client.list_topics(topic, timeout=10)
    client.close()


def follow(page: Path, folder: Path) -> None:
    """Do what the page says, and see what it says."""
    with opened(page, folder) as shell:
        for block in blocks(page):
            if block.file:
                (folder / block.file).write_text(block.text, encoding="utf-8")
            for step in steps(block) if block.language == "console" else ():
                printed, code = shell.run(step.command)
                shown = "\n".join([f"{named(page)}:{step.line}: $ {step.command}", *printed, f"(exit code {code})"])
                assert matches(step.expected, printed), f"printed something else:\n{shown}"
                refused = any(line.startswith("error: ") for line in step.expected) and "||" not in step.command
                assert (code != 0) == refused, f"only what is shown to fail may fail:\n{shown}"


@pytest.fixture(scope="session")
def after_readme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the README's commands leave."""
    folder = tmp_path_factory.mktemp("readme") / "weir"
    folder.mkdir()
    follow(README, folder)
    return folder


def test_the_readme_does_what_it_says(after_readme: Path) -> None:
    assert (after_readme / "store" / "fraud" / "1" / "model.onnx").is_file()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_does_what_it_says(page: Path, after_readme: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weir"
    if page.parent.name == "docs":
        shutil.copytree(after_readme, folder, symlinks=True)
    else:
        folder.mkdir()
    follow(page, folder)
