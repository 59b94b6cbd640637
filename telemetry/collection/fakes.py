"""A storage in memory, that fails or hangs on request."""

from threading import Event

from telemetry.collection.storage import StorageError

__all__ = ["FakeStorage"]


class FakeStorage:
    """Keeps files.

    Attributes:
        files: their bytes, by name.
        failing: why nothing can be written; empty while something can.
        attempts: how often writing was tried.
        is_closed: whether it was closed.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.failing = ""
        self.attempts = 0
        self.is_closed = False
        self._answers = Event()
        self._answers.set()

    def put(self, name: str, content: memoryview) -> None:
        """Keep a file, when it does not hang.

        Raises:
            StorageError: it was told to fail.
        """
        self.attempts += 1
        self._answers.wait()
        if self.failing:
            raise StorageError(self.failing)
        self.files[name] = bytes(content)

    def close(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True

    def hang(self) -> None:
        """Let whoever writes wait."""
        self._answers.clear()

    def go_on(self) -> None:
        """Let them go on."""
        self._answers.set()
