"""The log of a program that serves: as the settings say, and without the secrets that they hold."""

import os

from telemetry.logs import LogSettings, Redactor, guard_uncaught, secrets_in, set_up_logs
from weir.settings import Settings

__all__ = ["begin_log", "begin_quiet_log"]


def begin_log(settings: Settings) -> Redactor:
    """Set the log up, and return what takes secrets out of any text."""
    redactor = Redactor(secrets_in(settings, os.environ))
    set_up_logs(settings.telemetry.logs, service=settings.telemetry.service_name, redactor=redactor)
    guard_uncaught(redactor)
    return redactor


def begin_quiet_log() -> None:
    """Set the log up for a command that ends by itself, and says what it found in its own words: warnings only."""
    redactor = Redactor(secrets_in(None, os.environ))
    set_up_logs(LogSettings(level="warning"), service="weir", redactor=redactor)
