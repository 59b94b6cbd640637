"""What was scored, how fast and by which model: observers that receive frozen facts."""

from telemetry.counters import Counters
from telemetry.observer import BatchFacts, NullObserver, Observer, Observers

__all__ = ["BatchFacts", "Counters", "NullObserver", "Observer", "Observers"]
