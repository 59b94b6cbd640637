"""From a store to a pipeline: nothing is served that is not certified, untampered and safe to run."""

from collections.abc import Sequence
from hashlib import sha256

from models.references import Reference
from models.session import OnnxScorer, Provider
from models.store import Store, resolve
from scoring.decode import MAX_EVENT_BYTES
from scoring.errors import ModelRefusedError
from scoring.manifest import Manifest
from scoring.pipeline import Pipeline

__all__ = ["load_pipeline", "load_scorer"]


def load_pipeline(
    store: Store,
    reference: Reference,
    *,
    allow_uncertified: bool = False,
    providers: Sequence[Provider] = ("cpu",),
    max_event_bytes: int = MAX_EVENT_BYTES,
) -> Pipeline:
    """Return a pipeline over the model that a reference means now.

    Args:
        store: where to look.
        reference: which model.
        allow_uncertified: serve it without a passed certificate; every prediction then says so.
        providers: what to run it on, best first.
        max_event_bytes: the largest event that the pipeline decodes.

    Raises:
        ModelNotFoundError: there is no such model.
        ModelRefusedError: it must not be served.
        ManifestError: its manifest is broken or does not fit the graph.
    """
    manifest = store.manifest(reference.name, resolve(store, reference))
    scorer = load_scorer(store, manifest, allow_uncertified=allow_uncertified, providers=providers)
    return Pipeline(manifest, scorer, certified=_certified(manifest), max_event_bytes=max_event_bytes)


def load_scorer(
    store: Store, manifest: Manifest, *, allow_uncertified: bool = False, providers: Sequence[Provider] = ("cpu",)
) -> OnnxScorer:
    """Return the session of a stored version after checking its certificate and digest.

    Raises:
        ModelRefusedError: the certificate is missing or failed, or the bytes are not those that were certified.
    """
    source = manifest.reference
    if not allow_uncertified and not _certified(manifest):
        found = "has no certificate" if manifest.certificate is None else "failed its certificate"
        raise ModelRefusedError(
            f"{source} {found}: convert it again, or set allow_uncertified to serve it all the same"
        )
    model = store.model(manifest.name, manifest.version)
    digest = sha256(model).hexdigest()
    if digest != manifest.digest:
        raise ModelRefusedError(f"{source}: model.onnx has the SHA-256 {digest}, its manifest says {manifest.digest}")
    padding = manifest.certificate.padding if manifest.certificate is not None else 1
    return OnnxScorer(model, manifest.features, manifest.graph, padding=padding, source=source, providers=providers)


def _certified(manifest: Manifest) -> bool:
    return manifest.certificate is not None and manifest.certificate.passed
