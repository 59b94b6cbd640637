"""The HTTP door: one handler behind Azure Functions routes and behind a container's server.

`app` is for the Functions worker alone, which looks for exactly one `FunctionApp` here. It is made when it is asked
for, so that the command line and the container pay nothing for Azure's libraries.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from function_app.azure import app

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from function_app.azure import app  # noqa: PLC0415 - see the module's docstring

    return app


def __dir__() -> list[str]:
    """Return what there is: the worker looks through it."""
    return __all__
