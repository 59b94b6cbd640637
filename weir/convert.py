"""`weir convert`: from a fitted estimator and a table to a certified model in the store."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape

from scoring.errors import ConfigurationError
from scoring.manifest import Manifest

__all__ = ["command"]


def command(
    estimator: Annotated[
        str,
        typer.Argument(help="A .skops file, a .joblib or .pkl file (with --trust-pickle), or module:function."),
    ],
    table: Annotated[
        Path, typer.Argument(help="A .csv or .parquet file with rows as the estimator was trained on them.")
    ],
    *,
    name: Annotated[str, typer.Option(help="The model's name in the store, such as fraud.")],
    store: Annotated[Path, typer.Option(help="The folder that models are kept in.")] = Path("store"),
    held_back: Annotated[
        Path | None, typer.Option(help="A table of rows not seen in training, to certify on; else TABLE is used.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="The table's column that was to be predicted.")] = None,
    event_id: Annotated[
        str | None, typer.Option(help="Where an event carries its own id, such as transaction.id.")
    ] = None,
    paths: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON that maps columns to where events carry them: {age: customer.age}."),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=float32|float64|int64|string|bool|text, against what the table shows. Repeatable."),
    ] = None,
    nullable: Annotated[
        list[str] | None, typer.Option(help="A column that may be null though TABLE has no nulls in it. Repeatable.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="The class whose probability is the score; the last one unless given.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="The score from which the positive class is given (two classes only).")
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, max=1000, help="Labels listed (three classes or more).")] = 5,
    tolerance: Annotated[
        float, typer.Option(min=1e-12, max=1.0, help="The largest difference in score that passes.")
    ] = 1e-5,
    tag: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, words of your own. Repeatable.")] = None,
    measured: Annotated[
        list[str] | None, typer.Option("--property", help="NAME=VALUE, metrics of your own. Repeatable.")
    ] = None,
    run_id: Annotated[str | None, typer.Option(help="The id of the training run.")] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load pickles, which run the code inside them.")
    ] = False,
    uncertified: Annotated[
        bool, typer.Option("--uncertified", help="Store it without comparing; serving then refuses it by default.")
    ] = False,
) -> None:
    """Turn a fitted scikit-learn estimator into a certified model in the store.

    The estimator is converted to ONNX. Then both answer the same rows: those of the table, rows pushed to the edge of
    every tree's threshold, nulls, and unseen categories. Where they differ, nothing is stored and you are told by how
    much and where.

    Example: weir convert model.skops rows.parquet --name fraud --label is_fraud --event-id transaction_id
    """
    from converters import (  # noqa: PLC0415 - scikit-learn takes a second, and --help should not
        Columns,
        Source,
        convert,
        load_estimator,
        read_paths,
        read_sample,
    )
    from models import LocalStore  # noqa: PLC0415 - onnxruntime: the same

    dtypes: dict[str, Any] = _pairs(dtype, "--dtype")
    strings = frozenset(column for column, kind in dtypes.items() if kind in {"string", "text"})
    columns = Columns(
        label=label,
        event_id=event_id,
        paths={} if paths is None else read_paths(paths),
        dtypes=dtypes,
        nullable=frozenset(nullable or ()),
    )
    with Console(stderr=True).status("loading the estimator") as status:
        source = Source(
            estimator=load_estimator(estimator, trust_pickle=trust_pickle),
            sample=read_sample(table, strings=strings),
            held_back=None if held_back is None else read_sample(held_back, strings=strings),
            columns=columns,
        )
        manifest = convert(
            source,
            name=name,
            store=LocalStore(store),
            positive=positive,
            threshold=threshold,
            top_k=top_k,
            tolerance=tolerance,
            uncertified=uncertified,
            tags=_pairs(tag, "--tag"),
            properties={key: _number(value) for key, value in _pairs(measured, "--property").items()},
            run_id=run_id,
            report=lambda doing: status.update(escape(doing)),
        )
    _tell(manifest, store)


class _Line(NamedTuple):
    title: str
    text: str


def _tell(manifest: Manifest, store: Path) -> None:
    where = store / manifest.name / str(manifest.version)
    lines = [_Line("model", f"{manifest.reference} in {where}"), *_certificate(manifest), _served(manifest)]
    alias = f"weir models alias {manifest.name} champion {manifest.version} --store {store}"
    lines.append(_Line("next", alias if manifest.certificate else "convert it again without --uncertified"))
    for line in lines:
        typer.echo(f"{line.title + ':':<13}{line.text}")


def _certificate(manifest: Manifest) -> list[_Line]:
    certificate = manifest.certificate
    if certificate is None:
        return [_Line("certificate", "none: serving refuses this model unless it is told to allow uncertified ones")]
    rows = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in certificate.rows.items() if count)
    lines = [
        _Line("certificate", f"passed; compared {rows}"),
        _Line("difference", f"{certificate.score_difference:.2g} at most (allowed: {certificate.tolerance:g})"),
        _Line("decisions", f"{certificate.flips} differ"),
        _Line("padding", f"{certificate.padding}, equal bits in batches of {_listed(certificate.batch_sizes)}"),
    ]
    return [*lines, _Line("worst", certificate.worst)] if certificate.worst else lines


def _served(manifest: Manifest) -> _Line:
    kinds = sorted({feature.dtype for feature in manifest.features})
    return _Line("features", f"{len(manifest.features)} ({', '.join(kinds)}); a {manifest.task} model")


def _listed(sizes: tuple[int, ...]) -> str:
    return ", ".join(map(str, sizes))


def _pairs(items: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for item in items or ():
        key, equals, value = item.partition("=")
        if not key or not equals or not value:
            raise ConfigurationError(f"{option} {item!r}: expected NAME=VALUE")
        pairs[key] = value
    return pairs


def _number(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
