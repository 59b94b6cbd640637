"""Which traces are recorded."""

from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from scoring.errors import ConfigurationError
from telemetry.settings import TelemetrySettings

__all__ = ["sampler_of"]

_SAMPLER: Final = "OTEL_TRACES_SAMPLER"
_SAMPLERS: Final = frozenset(
    {
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    }
)
_RATE: Final = "_MS.sampleRate"  # as Azure's sampler notes it


def sampler_of(settings: TelemetrySettings, environ: Mapping[str, str]) -> Sampler | None:
    """Return what decides which traces are recorded; None for OpenTelemetry's own reading of its variable.

    Raises:
        ConfigurationError: the variable names no sampler of OpenTelemetry's, which would take it for "all".
    """
    named = environ.get(_SAMPLER, "").strip().lower()
    if named and named not in _SAMPLERS:
        raise ConfigurationError(
            f"{_SAMPLER} of the environment is {named!r}; expected one of {', '.join(sorted(_SAMPLERS))}, or none and "
            "telemetry.traces_per_second"
        )
    # a caller's decision stands; the rate's sampler by itself would decide again
    return None if named else ParentBased(_rate(settings.traces_per_second), local_parent_sampled=_Inherited())


def _rate(per_second: float) -> Sampler:
    from azure.monitor.opentelemetry.exporter import RateLimitedSampler  # noqa: PLC0415 - it takes half a second

    limited: Sampler = RateLimitedSampler(per_second)
    return limited


class _Inherited(Sampler):
    """Records what stands below a recorded span, at its rate: Application Insights counts by that."""

    def should_sample(  # noqa: PLR0917 - the signature is OpenTelemetry's
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Record it."""
        del trace_id, name, kind, links
        parent = get_current_span(parent_context)
        rate = (getattr(parent, "attributes", None) or {}).get(_RATE)
        inherited = {} if rate is None else {_RATE: rate}
        return SamplingResult(Decision.RECORD_AND_SAMPLE, {**(attributes or {}), **inherited}, trace_state)

    def get_description(self) -> str:
        """Return its name."""
        return "Inherited"
