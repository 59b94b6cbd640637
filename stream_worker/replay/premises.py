"""What the output of a replay depends on; a replay that goes on after an interruption must find it unchanged."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b, sha256

import msgspec

from scoring import Manifest
from stream_worker.replay.records import Group

__all__ = ["Premises", "premises_of"]

_SHOWN = 3


class Premises(msgspec.Struct, frozen=True, kw_only=True):
    """What the output depends on.

    Attributes:
        model: the model's reference.
        manifest: the SHA-256 of its manifest, which holds that of the model.
        options: those that change the output, as text.
        files: sizes and versions, by path.
        groups: a digest of how the files are cut into groups.
        served: how the model is, as text: another provider may round otherwise.
    """

    model: str
    manifest: str
    options: dict[str, str]
    files: dict[str, tuple[int, str]]
    groups: str
    served: dict[str, str] = {}

    def changes(self, now: "Premises") -> list[str]:
        """Return in words what is different now; nothing where the output would be the same."""
        told = [*self._of_model(now), *_of_options(self.options, now.options), *_of_files(self.files, now.files)]
        if not told and self.groups != now.groups:
            told.append("the archive is cut into groups in another way: it was begun by another version of Weir")
        return told

    def mistaken_for(self, now: "Premises") -> list[str]:
        """Return in words why a replay that has ended was of something else; nothing where it may have been of this.

        An archive grows on, loses its oldest files, and a newer model is deployed: none of that undoes what was done.
        """
        both = self.files.keys() & now.files.keys()
        told = [*_of_options(self.options, now.options)]
        told += _of_files(*({path: each.files[path] for path in sorted(both)} for each in (self, now)))
        return told or ([] if both else ["it had none of the files that are in the archive now"])

    def _of_model(self, now: "Premises") -> Iterator[str]:
        if self.model != now.model:
            yield f"the model was {self.model} and is {now.model} (--model {self.model} goes on with the former)"
        elif self.manifest != now.manifest:
            yield f"{self.model} is not the model of that name that it was begun with"
        yield from _of_options(self.served, now.served)


def premises_of(
    manifest: Manifest, options: Mapping[str, str], groups: Sequence[Group], served: Mapping[str, str] | None = None
) -> Premises:
    """Return what the output of a replay depends on."""
    return Premises(
        model=manifest.reference,
        manifest=sha256(manifest.model_dump_json().encode()).hexdigest(),
        options=dict(options),
        files={file.path: (file.size, file.version) for group in groups for file in group.files},
        groups=blake2b(msgspec.json.encode(groups), digest_size=16).hexdigest(),
        served=dict(served or {}),
    )


def _of_options(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{name} was {before.get(name, 'not given')} and is {now.get(name, 'not given')}"


def _of_files(before: Mapping[str, tuple[int, str]], now: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    told = [f"{path} is new" for path in now if path not in before]
    told += [f"{path} is gone" for path in before if path not in now]
    told += [
        f"{path} has changed ({before[path][0]:,} bytes then, {now[path][0]:,} now)"
        for path in now
        if path in before and before[path] != now[path]
    ]
    yield from told[:_SHOWN]
    if len(told) > _SHOWN:
        yield f"and so have {len(told) - _SHOWN:,} more files"
