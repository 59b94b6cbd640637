"""The settings of the command line: the whole of the file."""

from pathlib import Path

from function_app.settings import HttpSettings
from models.configuration import FileSettings, read_settings
from stream_worker import StreamSettings
from telemetry.settings import TelemetrySettings

__all__ = ["Settings", "load_settings"]


class Settings(FileSettings):
    """What `weir.yaml` holds."""

    http: HttpSettings = HttpSettings()
    stream: StreamSettings | None = None
    telemetry: TelemetrySettings = TelemetrySettings()


def load_settings(path: Path) -> Settings:
    """Return the settings in a file, with the environment's on top.

    Raises:
        ConfigurationError: names the file, the variables of the environment, and each key that is wrong.
    """
    return read_settings(Settings, path)
