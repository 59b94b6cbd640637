"""What the FAQ model reads and answers."""

from typing import Final

__all__ = ["LABEL", "TEXT"]

TEXT: Final = "question"
LABEL: Final = "faq"
