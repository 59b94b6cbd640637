"""Which days of a simulation the model learns from, and on which days it is judged.

As in the Fraud Detection Handbook (see ``simulator.py``), chapters 3 and 5, a delay lies between what is learnt and
what is scored, because frauds become known late. Those of the validation period are known when the test period begins.
"""

from dataclasses import dataclass
from functools import cache

import pandas as pd

from examples.fraud.features import DELAY_DAYS, add_features
from examples.fraud.simulator import SECONDS_PER_DAY, Simulation, simulate

__all__ = ["Periods", "period_rows", "simulated"]


@dataclass(frozen=True, slots=True)
class Periods:
    """Which days of a simulation serve what; each is ``(first day, first day after)``.

    Days before ``training`` only fill the windows of the features.
    """

    training: tuple[int, int]
    validation: tuple[int, int]
    test: tuple[int, int]

    @classmethod
    def of(cls, days: int, *, training_days: int = 21, scored_days: int = 7) -> "Periods":
        """Lays the periods at the end of a simulation: training, delay, validation, delay, test.

        Args:
            days: Length of the simulation.
            training_days: Length of the training period.
            scored_days: Length of the validation and of the test period.

        Raises:
            ValueError: The simulation is too short to hold them.
        """
        test = days - scored_days
        validation = test - DELAY_DAYS - scored_days
        training = validation - DELAY_DAYS - training_days
        if training < 0:
            raise ValueError(f"days is {days}, expected at least {days - training}: the periods do not fit")
        return cls(
            (training, training + training_days), (validation, validation + scored_days), (test, test + scored_days)
        )


@cache
def simulated(simulation: Simulation) -> pd.DataFrame:
    """Simulates transactions and adds their features, once for each simulation; callers leave the table as it is."""
    return add_features(simulate(simulation))


def period_rows(rows: pd.DataFrame, period: tuple[int, int]) -> pd.DataFrame:
    """Takes the rows of one period, given as ``(first day, first day after)``."""
    day = rows["seconds"] // SECONDS_PER_DAY
    return rows[(day >= period[0]) & (day < period[1])].reset_index(drop=True)
