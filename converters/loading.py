"""A fitted estimator from what the command line names: a skops file, a trusted pickle, or a function."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import joblib
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from skops.io import get_untrusted_types
from skops.io import load as load_skops

from scoring.errors import ConfigurationError, ConversionError

__all__ = ["load_estimator"]

_TRUSTED: Final = frozenset({"sklearn", "numpy", "scipy", "lightgbm", "xgboost"})
_HARMLESS: Final = frozenset({"collections.OrderedDict"})  # LightGBM keeps its feature names in one
_PICKLES: Final = frozenset({".joblib", ".pkl", ".pickle"})
_EXPECTED: Final = "expected a .skops, .joblib or .pkl file, or module:function"


def load_estimator(source: str, *, trust_pickle: bool = False) -> Any:
    """Returns the fitted estimator that `source` names.

    Args:
        source: the path of a `.skops` file; of a `.joblib`, `.pkl` or `.pickle` file; or `module:function`, imported
            from the current directory and called without arguments.
        trust_pickle: whether to load pickles, which run whatever code they hold.

    Raises:
        ConfigurationError: there is no such file or function, or it is a pickle and those are not trusted.
        ConversionError: what was loaded is no fitted estimator, holds types that are not trusted, or raised.
    """
    suffix = Path(source).suffix.lower()
    if suffix == ".skops":
        estimator = _from_skops(_existing(source))
    elif suffix in _PICKLES:
        estimator = _from_pickle(_existing(source), trust=trust_pickle)
    elif ":" in source:
        estimator = _from_function(source)
    else:
        raise ConfigurationError(f"estimator {source!r}: {_EXPECTED}")
    _check_fitted(estimator, source)
    return estimator


def _existing(source: str) -> Path:
    path = Path(source)
    if not path.is_file():
        raise ConfigurationError(f"estimator {source!r}: there is no such file; {_EXPECTED}")
    return path


def _from_skops(path: Path) -> Any:
    try:
        named = get_untrusted_types(file=path)
        _check_trusted(named, path)
        return load_skops(path, trusted=named)
    except ConversionError:
        raise
    except Exception as error:
        # a broken file fails in any of the ways of zip, JSON and NumPy
        raise ConversionError(f"{path} cannot be read as a skops file: {_told(error)}") from error


def _check_trusted(named: list[str], path: Path) -> None:
    strangers = sorted(name for name in named if not _is_trusted(name))
    if strangers:
        raise ConversionError(
            f"{path} holds types that are not trusted: {', '.join(strangers)}",
            remedy=f"Only classes of {', '.join(sorted(_TRUSTED))} are loaded; give module:function instead, "
            "a function of yours that loads or trains the estimator.",
        )


def _is_trusted(name: str) -> bool:
    """Whether a name in the file is a class of a library that the converters know; a function could do anything."""
    if name in _HARMLESS:
        return True
    if name.partition(".")[0] not in _TRUSTED:
        return False
    module, _, attribute = name.rpartition(".")
    try:
        return isinstance(getattr(importlib.import_module(module), attribute, None), type)
    except ImportError:
        return False


def _from_pickle(path: Path, *, trust: bool) -> Any:
    if not trust:
        raise ConfigurationError(
            f"{path} is a pickle, and loading one runs the code inside it: pass --trust-pickle if you made it, "
            "or save the estimator with skops.io.dump, which holds no code"
        )
    try:
        return joblib.load(path)
    except Exception as error:
        # unpickling runs foreign code, which raises what it likes
        raise ConversionError(f"{path} cannot be unpickled: {_told(error)}") from error


def _from_function(source: str) -> Any:
    function = _function(source)
    try:
        return function()
    except Exception as error:
        # the trainer's own code, which raises what it likes
        raise ConversionError(f"{source} raised {_told(error)}") from error


def _function(source: str) -> Callable[[], Any]:
    module_name, _, name = source.partition(":")
    try:
        with _importing_from(Path.cwd()):
            module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigurationError(
            f"estimator {source!r}: cannot import {module_name!r} from {Path.cwd()}: {error}"
        ) from error
    except Exception as error:
        # as above: a module runs its code when it is imported
        raise ConversionError(f"importing {module_name} raised {_told(error)}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise ConfigurationError(f"estimator {source!r}: the module {module_name!r} has no function {name!r}")
    found: Callable[[], Any] = function
    return found


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _check_fitted(estimator: Any, source: str) -> None:
    if not isinstance(estimator, BaseEstimator) or isinstance(estimator, type):
        raise ConversionError(
            f"{source} gave a {type(estimator).__name__}", remedy="Expected a fitted scikit-learn estimator."
        )
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise ConversionError(
            f"{source} gave a {type(estimator).__name__} that is not fitted", remedy="Call fit before converting."
        ) from error


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
