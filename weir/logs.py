"""The log of a program that serves: as the settings say, and without the secrets that they hold."""

import os

from telemetry.logs import Redactor, guard_uncaught, secrets_in, set_up_logs
from weir.settings import Settings

__all__ = ["begin_log"]


def begin_log(settings: Settings) -> Redactor:
    """Set the log up, and return what takes secrets out of any text."""
    redactor = Redactor(secrets_in(settings, os.environ))
    set_up_logs(settings.telemetry.logs, service=settings.telemetry.service_name, redactor=redactor)
    guard_uncaught(redactor)
    return redactor
