"""The models that are served: loaded once, replaced without a gap, and nothing outside the store.

Rules:
- A model is loaded once however many requests ask for it at the same time.
- A new version is loaded and warm before it takes the old one's place; requests under way finish on the old one.
- A request names models by reference only, and the store decides what that is.
"""

import asyncio
import os
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from function_app.batching import Batcher
from function_app.problems import ProblemError
from function_app.settings import HttpSettings
from models import Deployment, Reference, Store, load_pipeline, resolve
from scoring import Manifest
from scoring.errors import ConfigurationError, ModelNotFoundError, WeirError
from telemetry import Observer

__all__ = ["Models"]

P = ParamSpec("P")
T = TypeVar("T")

_LOADED = 16  # versions kept in memory beside the deployed ones


class Models:
    """Batchers over loaded models."""

    def __init__(
        self,
        store: Store,
        deployments: Sequence[Deployment],
        settings: HttpSettings,
        observer: Observer | None = None,
        check: Callable[[Sequence[Manifest]], None] | None = None,
    ) -> None:
        """Set it up without loading anything.

        Args:
            store: where models are.
            deployments: what is served.
            settings: the door's.
            observer: is told of the rows that are scored, by mirrors too.
            check: raises a WeirError where models must not be served together, before they are.
        """
        self._store = store
        self._observer = observer
        self._check = check
        self._is_refused = False
        self._deployments = deployments
        self._settings = settings
        self._executor = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "scoring")
        self._loaded: OrderedDict[tuple[str, int], Batcher] = OrderedDict()
        self._locks: dict[tuple[str, int], asyncio.Lock] = {}
        self._deployed: dict[str, Batcher] = {}
        self._current: dict[str, Batcher] = {}  # the deployed ones by their references, as requests spell them
        self._why_not_ready = "the models are not loaded yet"

    @property
    def why_not_ready(self) -> str:
        """Why nothing can be scored; empty when it can."""
        return self._why_not_ready

    def names(self) -> list[str]:
        """Return the names of the deployed models."""
        return sorted({deployment.reference.name for deployment in self._deployments})

    async def load(self, deployments: Sequence[Deployment] | None = None) -> None:
        """Load what the deployments' references mean now, and serve it from now on.

        Args:
            deployments: those to serve from now on; None for those that are served already.

        Raises:
            WeirError: a model is missing or must not be served; what was served before still is.
        """
        wanted = self._deployments if deployments is None else deployments
        try:
            deployed = {deployment.name: await self._get(deployment) for deployment in wanted}
            if self._check is not None:
                self._is_refused = True  # unless the next line ends well
                self._check([batcher.pipeline.manifest for batcher in deployed.values()])
                self._is_refused = False
        except WeirError as error:
            if not self._deployed:
                self._why_not_ready = str(error)
            raise
        # no await stands between these lines: a request meets the old deployments or the new ones
        self._deployments, self._deployed = wanted, deployed
        self._current = {str(d.reference): deployed[d.name] for d in wanted if not d.allow_uncertified}
        for deployment in sorted(wanted, key=lambda d: -d.traffic):
            # a bare name means what is deployed under it, not the store's newest, which nobody may have promoted
            self._current.setdefault(deployment.reference.name, deployed[deployment.name])
        self._why_not_ready = ""

    def choose(self, body: bytes) -> Batcher:
        """Return the deployment that answers a request: its share of the traffic, by the request's own bytes.

        Raises:
            ProblemError: 503, no model is loaded yet.
        """
        if not self._deployed:
            raise ProblemError(503, self._why_not_ready, headers={"Retry-After": "1"})
        ticket = zlib.crc32(body) % 100 if len(self._deployed) > 1 else 0
        for deployment in self._deployments:
            ticket -= deployment.traffic
            if ticket < 0:
                return self._deployed[deployment.name]
        return self._deployed[self._deployments[0].name]

    def mirrors(self, body: bytes) -> list[Batcher]:
        """Return the deployments that are to score this request too, unseen by its caller."""
        ticket = zlib.crc32(body[::-1]) % 100 if len(self._deployed) > 1 else 0
        return [self._deployed[d.name] for d in self._deployments if ticket < d.mirror and d.name in self._deployed]

    async def named(self, text: str) -> Batcher:
        """Return the model that a request names: a deployed one, or another that the store holds.

        Raises:
            ProblemError: 404, the store has no such model; 503, it must not be served.
        """
        if self._is_refused and not self._deployed:  # for a reason that may hold for this one too
            raise ProblemError(503, self._why_not_ready, headers={"Retry-After": "1"})
        if text in self._current:
            return self._current[text]
        try:
            return await self._get(Deployment(name="asked for", model=text))
        except ConfigurationError as error:
            raise ProblemError(404, str(error)) from error
        except ModelNotFoundError as error:
            raise ProblemError(404, f"there is no model {text!r}") from error
        except WeirError as error:
            raise ProblemError(error.status, str(error)) from error

    @property
    def has_mirrors(self) -> bool:
        """Whether any deployment listens to others' traffic."""
        return any(deployment.mirror for deployment in self._deployments)

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function returns, called in one of the scoring threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(function, *args, **kwargs))

    async def _get(self, deployment: Deployment) -> Batcher:
        reference = deployment.reference
        version = await self.in_thread(resolve, self._store, reference)
        key = reference.name, version
        if key not in self._loaded:
            async with self._locks.setdefault(key, asyncio.Lock()):
                if key not in self._loaded:
                    self._loaded[key] = await self.in_thread(self._load, deployment, version)
        self._loaded.move_to_end(key)
        self._forget_the_oldest()
        return self._loaded[key]

    def _load(self, deployment: Deployment, version: int) -> Batcher:
        pipeline = load_pipeline(
            self._store,
            Reference(name=deployment.reference.name, version=version),
            allow_uncertified=deployment.allow_uncertified,
            providers=deployment.providers,
        )
        return Batcher(pipeline, self._settings, self._executor, self._observer)

    def _forget_the_oldest(self) -> None:
        deployed = set(map(id, self._deployed.values()))
        spare = [key for key, batcher in self._loaded.items() if id(batcher) not in deployed]
        for key in spare[: max(0, len(spare) - _LOADED)]:
            del self._loaded[key]
            self._locks.pop(key, None)
