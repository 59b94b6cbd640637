"""Every error that Weir raises on purpose.

WeirError
├── ConfigurationError       a setting is wrong: names the key, the value and what was expected
├── StoreError               the model store could not do what was asked
│   ├── ModelNotFoundError   no such name, version or alias
│   └── StoreBusyError       other writers kept taking the next version number
├── ModelRefusedError        the model on disk must not be served: tampered, oversized, uncertified, external data
├── ManifestError            a manifest that is not one, or contradicts itself or its graph
├── ScoringError             the session failed on rows that had passed every check
├── ConversionError          an estimator that cannot be turned into ONNX: names the step and what to do
│   └── CertificateError     it was turned into ONNX, and answers differently: says by how much and where
└── StreamError              the stream cannot go on
    ├── SourceError          reading or committing failed for longer than is allowed
    ├── SinkError            publishing failed for longer than is allowed
    └── StalledError         nothing moved within the bound, though there was work

Each class says whether trying again can help (`retryable`) and which HTTP status fits (`status`).
An event that cannot be scored raises nothing: it ends as a `Rejected` outcome.
"""

from typing import ClassVar

__all__ = [
    "CertificateError",
    "ConfigurationError",
    "ConversionError",
    "ManifestError",
    "ModelNotFoundError",
    "ModelRefusedError",
    "ScoringError",
    "SinkError",
    "SourceError",
    "StalledError",
    "StoreBusyError",
    "StoreError",
    "StreamError",
    "WeirError",
]


class WeirError(Exception):
    """The root: its text is written for the person who can mend the cause."""

    retryable: ClassVar[bool] = False
    status: ClassVar[int] = 500


class ConfigurationError(WeirError):
    """A setting is wrong."""


class StoreError(WeirError):
    """The model store could not do what was asked."""

    status = 503


class ModelNotFoundError(StoreError):
    """The store holds no such model, version or alias."""

    status = 404


class StoreBusyError(StoreError):
    """Other writers kept taking the next version number."""

    retryable = True


class ModelRefusedError(WeirError):
    """The model on disk must not be served."""

    status = 503


class ManifestError(WeirError):
    """A manifest that cannot be read, or contradicts itself or the graph beside it."""


class ScoringError(WeirError):
    """The session failed on rows that had passed every check."""


class ConversionError(WeirError):
    """An estimator cannot be turned into ONNX.

    Attributes:
        step: the part of the pipeline that stands in the way, e.g. `preprocess.spline: SplineTransformer`.
        remedy: what the reader can do about it.
    """

    status = 422

    def __init__(self, reason: str, *, step: str = "", remedy: str = "") -> None:
        self.step = step
        self.remedy = remedy
        super().__init__(". ".join(part for part in (f"{step}: {reason}" if step else reason, remedy) if part))


class CertificateError(ConversionError):
    """The ONNX model answers differently from the estimator it was made of."""


class StreamError(WeirError):
    """The stream cannot go on."""

    retryable = True
    status = 503


class SourceError(StreamError):
    """Reading or committing failed for longer than is allowed."""


class SinkError(StreamError):
    """Publishing failed for longer than is allowed."""


class StalledError(StreamError):
    """Nothing moved within the bound, though there was work."""
