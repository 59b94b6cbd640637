"""Drift: how far what a model sees and says now is from what it saw and said when it was converted."""

from telemetry.drift.bins import CategoryBins, ColumnBins, NumberBins, bins_of, score_bins
from telemetry.drift.figures import Counts, kolmogorov_smirnov, population_stability
from telemetry.drift.model import ModelBins, Place
from telemetry.drift.observer import Drift
from telemetry.drift.settings import DriftSettings
from telemetry.drift.summary import MOVING, SHIFTED, DriftFigures, Verdict, figures_of, rows_needed, verdict

__all__ = [
    "MOVING",
    "SHIFTED",
    "CategoryBins",
    "ColumnBins",
    "Counts",
    "Drift",
    "DriftFigures",
    "DriftSettings",
    "ModelBins",
    "NumberBins",
    "Place",
    "Verdict",
    "bins_of",
    "figures_of",
    "kolmogorov_smirnov",
    "population_stability",
    "rows_needed",
    "score_bins",
    "verdict",
]
