"""`weir models`: look at a store, check what is in it, and move its aliases."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models import LocalStore, Reference, load_pipeline, parse_reference, resolve
from scoring.errors import ModelRefusedError
from scoring.events import Event, Position
from scoring.examples import example_event
from scoring.manifest import Manifest
from scoring.outcomes import Rejected, encode

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

_Store = Annotated[Path, typer.Option("--store", help="The folder that models are kept in.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_Model = Annotated[str, typer.Argument(help="name, name:3 or name@champion")]


@app.callback()
def models() -> None:
    """List, show, verify and promote the models in a store.

    Example: weir models list --store ./store
    """


@app.command("list")
def list_models(store: _Store = Path("store"), *, as_json: _Json = False) -> None:
    """List every version of every model, with its aliases and certificate.

    Example: weir models list --json
    """
    kept = LocalStore(store)
    found = [
        (kept.manifest(name, number), _aliases(kept, name, number))
        for name in kept.names()
        for number in kept.versions(name)
    ]
    if as_json:
        _print_json([_summary(manifest, aliases) for manifest, aliases in found])
        return
    table = Table("model", "aliases", "task", "features", "certificate", "created", box=None, pad_edge=False)
    for manifest, aliases in found:
        table.add_row(
            manifest.reference,
            ", ".join(aliases),
            manifest.task,
            str(len(manifest.features)),
            _verdict(manifest),
            f"{manifest.created:%Y-%m-%d %H:%M}",
        )
    Console().print(table if found else Text(f"{kept} is empty; weir convert adds to it"))


@app.command("show")
def show(model: _Model, store: _Store = Path("store"), *, as_json: _Json = False) -> None:
    """Show one model: what it takes, what it answers, how it was certified.

    Example: weir models show fraud@champion
    """
    kept = LocalStore(store)
    manifest = _manifest(kept, parse_reference(model))
    if as_json:
        typer.echo(manifest.model_dump_json(indent=2))
        return
    console = Console()
    console.print(_facts(manifest, _aliases(kept, manifest.name, manifest.version)))
    console.print()
    console.print(_features(manifest))


@app.command("alias")
def alias(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    alias: Annotated[str, typer.Argument(help="The alias to move, such as champion.")],
    version: Annotated[int, typer.Argument(help="The version that it is to point to.", min=1)],
    store: _Store = Path("store"),
) -> None:
    """Point an alias to a version; whoever serves name@alias takes it up.

    Example: weir models alias fraud champion 3
    """
    kept = LocalStore(store)
    before = kept.aliases(name).get(alias)
    kept.set_alias(name, alias, version)
    typer.echo(f"{name}@{alias} is now version {version}" + (f" (was {before})" if before else ""))


@app.command("verify")
def verify(model: _Model, store: _Store = Path("store"), *, as_json: _Json = False) -> None:
    """Check that a model may be served: certificate, digest, graph, and one event scored.

    Example: weir models verify fraud@champion
    """
    kept = LocalStore(store)
    manifest = _manifest(kept, parse_reference(model))
    reference = Reference(name=manifest.name, version=manifest.version)
    pipeline = load_pipeline(kept, reference)  # refuses by digest, certificate, graph and names
    value = example_event(manifest)
    (outcome,) = pipeline.score([Event(value=value, position=Position("example", 0, 0))])
    if isinstance(outcome, Rejected):
        raise ModelRefusedError(f"{manifest.reference} cannot score an example event: {outcome.reason}")
    (prediction,) = encode([outcome])
    checks = {
        "certificate": _verdict(manifest),
        "digest": f"model.onnx is the one that was certified, SHA-256 {manifest.digest}",
        "graph": "known operators only, no data outside the file; the session takes it",
    }
    if as_json:
        parts = {"event": json.loads(value), "prediction": json.loads(prediction)}
        _print_json({"model": manifest.reference, "served": True, "checks": checks} | parts)
        return
    for what, found in (*checks.items(), ("event", value.decode()), ("prediction", prediction.decode())):
        typer.echo(f"{what + ':':<13}{found}")
    typer.echo(f"{manifest.reference} may be served")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of a manifest, as docs/manifest.schema.json holds it.

    Example: weir models schema > docs/manifest.schema.json
    """
    _print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()})


def _manifest(store: LocalStore, reference: Reference) -> Manifest:
    return store.manifest(reference.name, resolve(store, reference))


def _aliases(store: LocalStore, name: str, version: int) -> list[str]:
    return sorted(alias for alias, target in store.aliases(name).items() if target == version)


def _verdict(manifest: Manifest) -> str:
    certificate = manifest.certificate
    if certificate is None:
        return "none"
    return f"{'passed' if certificate.passed else 'failed'}, {certificate.score_difference:.2g} at most"


def _summary(manifest: Manifest, aliases: list[str]) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "aliases": aliases,
        "task": manifest.task,
        "digest": manifest.digest,
        "created": manifest.created.isoformat(),
        "certified": manifest.certificate is not None and manifest.certificate.passed,
    }


def _facts(manifest: Manifest, aliases: list[str]) -> Table:
    certificate, lineage, outputs = manifest.certificate, manifest.lineage, manifest.outputs
    facts: dict[str, Any] = {
        "model": manifest.reference,
        "aliases": ", ".join(aliases),
        "task": manifest.task,
        "created": f"{manifest.created:%Y-%m-%d %H:%M:%S %Z}",
        "digest": manifest.digest,
        "event id": ".".join(manifest.event_id or ()),
        "labels": ", ".join(map(str, outputs.labels)),
        "positive": outputs.positive,
        "threshold": outputs.threshold,
        "certificate": _verdict(manifest),
    }
    if certificate is not None:
        facts |= {
            "compared": ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in certificate.rows.items()),
            "flips": certificate.flips,
            "padding": certificate.padding,
            "worst": certificate.worst,
        }
    facts |= {
        "data": ", ".join(f"{name} {digest[:12]}" for name, digest in lineage.data_sets.items()),
        "run": lineage.run_id,
        "commit": lineage.commit,
        "replaces": lineage.parent_version,
        "tags": _joined(manifest.tags),
        "properties": _joined(manifest.properties),
        "libraries": _joined(manifest.libraries),
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    for title, fact in facts.items():
        if fact not in {None, ""}:
            table.add_row(title, Text(str(fact)))
    return table


def _features(manifest: Manifest) -> Table:
    table = Table("feature", "in the event", "dtype", "null", "seen in training", box=None, pad_edge=False)
    for feature in manifest.features:
        seen = "" if feature.minimum is None else f"{feature.minimum:g} to {feature.maximum:g}"
        seen = ", ".join(feature.categories) if feature.categories is not None else seen
        # as Text: a name in brackets is not a style
        table.add_row(Text(feature.name), Text(feature.dotted), feature.dtype, "yes" * feature.nullable, Text(seen))
    return table


def _joined(pairs: Any) -> str:
    return ", ".join(f"{key}={value}" for key, value in pairs.items())


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
