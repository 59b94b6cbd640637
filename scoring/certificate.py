"""The certificate: how closely a converted model answers like the estimator it was made of."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Certificate"]


class Certificate(BaseModel):
    """What was compared at conversion, and what came of it.

    Attributes:
        passed: whether every answer agreed within the tolerance.
        tolerance: the largest score difference allowed.
        score_difference: the largest absolute difference found between the estimator's score and the session's, after
            division by max(1, |score|), so that it is relative for values beyond one.
        flips: rows on which the two decide differently.
        rows: rows compared, by what they probe: `held_back`, `thresholds`, `nulls`, `unseen`.
        batch_sizes: the batch sizes at which the session's bits were compared.
        padding: the smallest number of rows the session must be given for its bits not to depend on the batch.
        worst: where the largest difference was found, in words; empty where all answers were equal.
    """

    # an estimator that answers infinity leaves an infinite difference, which JSON has no number for
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    passed: bool
    tolerance: float = Field(gt=0)
    score_difference: float = Field(ge=0)
    flips: int = Field(ge=0)
    rows: dict[str, int]
    batch_sizes: tuple[int, ...]
    padding: int = Field(ge=1, le=4096)
    worst: str = ""
