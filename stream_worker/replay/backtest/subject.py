"""What was compared, and on what: what a report says of it beside the figures."""

from dataclasses import dataclass

from scoring import Manifest
from stream_worker.replay.backtest.words import Names

__all__ = ["Subject", "certified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was compared.

    Attributes:
        champion: the manifest of the model that is in place.
        challenger: that of the one that may replace it.
        asked: how both were named by who asked.
        paths: of the archive, likewise.
        files: how many were read.
        size: their bytes.
        truth: where the labels were found, in words; None where there are none.
        rows: where both answers to each event stand; None where they were not kept.
        made: when, in words, if that is to be told.
    """

    champion: Manifest
    challenger: Manifest
    asked: tuple[str, str]
    paths: tuple[str, ...]
    files: int
    size: int
    truth: str | None = None
    rows: str | None = None
    made: str | None = None

    @property
    def names(self) -> Names:
        """What the two are called."""
        return self.champion.reference, self.challenger.reference

    @property
    def both(self) -> tuple[Manifest, Manifest]:
        """Both manifests."""
        return self.champion, self.challenger


def certified(manifest: Manifest) -> str:
    """Return in words what a model's certificate says."""
    certificate = manifest.certificate
    if certificate is None:
        return "none"
    return f"{'passed' if certificate.passed else 'failed'}, {certificate.score_difference:.2g} at most"
