"""What the documents are about: one model, as this service answers for it."""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from function_app.protocols.azureml import Method, has_probabilities
from function_app.settings import HttpSettings
from scoring import Manifest, Prediction
from scoring.examples import example_event, example_record, example_row

__all__ = ["Sample", "Subject"]

_LARGE = 20_000  # characters: an example of this size is shown once, not in every form


class Sample(NamedTuple):
    """What the model answers to the example.

    Attributes:
        prediction: as events are answered.
        classes: the score of every class.
        metadata: what the Open Inference Protocol says of the model.
        inference: its answer by that protocol.
    """

    prediction: Prediction
    classes: list[float]
    metadata: dict[str, Any]
    inference: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model and the service that it is asked through.

    Attributes:
        manifest: the model's.
        settings: the door's.
        address: where the service is, as its caller calls it, without a slash at the end.
        named: the reference by which the caller asked for this model; empty where it asked for what is deployed.
        sample: what the model answers to the example; None where it cannot answer.
    """

    manifest: Manifest
    settings: HttpSettings
    address: str
    named: str = ""
    sample: Sample | None = None

    @property
    def score_path(self) -> str:
        """The path that rows are posted to."""
        return f"/models/{self.named}/score" if self.named else "/score"

    @property
    def has_probabilities(self) -> bool:
        """Whether `predict_proba` has an answer."""
        return has_probabilities(self.manifest)

    @property
    def methods(self) -> list[Method]:
        """What may be asked of a row."""
        return ["predict", "predict_proba"] if self.has_probabilities else ["predict"]

    def score_bodies(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return bodies for scoring, each by a name and with a line on what it shows."""
        record, row = example_record(self.manifest), example_row(self.manifest)
        bodies: dict[str, tuple[str, dict[str, Any]]] = {"records": ("Features by name", {"data": [record]})}
        if self.is_large:
            return bodies
        bodies["rows"] = ("Features in the model's order, with a method", {"data": [row], "method": self.methods[-1]})
        bodies["input_data"] = ("Records as input_data", {"input_data": [record]})
        if self.takes_split:
            split = {"columns": list(record), "data": [row]}
            bodies["split"] = ("Names once, then rows, as pandas' orient='split'", {"input_data": split})
        columns = {name: [value] for name, value in record.items()}
        bodies["columns"] = ("A list for each feature, as pandas' orient='list'", {"input_data": columns})
        return bodies

    @property
    def is_large(self) -> bool:
        """Whether an example is too long to be shown in every form."""
        return len(json.dumps(example_record(self.manifest))) > _LARGE

    @property
    def takes_split(self) -> bool:
        """Whether `columns` and `data` can only be the two parts of a split body, and no features."""
        return not {"columns", "data"} & {feature.name for feature in self.manifest.features}

    def event(self) -> dict[str, Any]:
        """Return an event that the model takes."""
        event: dict[str, Any] = json.loads(example_event(self.manifest))
        return event
