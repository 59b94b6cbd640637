"""Estimators from files and functions, and the words in which a wrong one is refused."""

import joblib
import numpy as np
import pytest
import skops.io
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from xgboost import XGBClassifier

from converters import load_estimator
from scoring.errors import ConfigurationError, ConversionError
from tests.converters.drafts import numbers

ROWS, LABELS = numbers(200)


class Homemade(BaseEstimator):
    def fit(self):
        self.fitted_ = True
        return self


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def homemade(values):
    return values


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingClassifier(max_iter=5),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LGBMClassifier(n_estimators=3, verbose=-1),
        XGBClassifier(n_estimators=3),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_skops_file(estimator, tmp_path):
    estimator.fit(ROWS.to_numpy(), LABELS)
    path = tmp_path / "model.skops"
    skops.io.dump(estimator, path)
    loaded = load_estimator(str(path))
    np.testing.assert_array_equal(loaded.predict_proba(ROWS.to_numpy()), estimator.predict_proba(ROWS.to_numpy()))


def test_a_skops_file_with_types_of_others(tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump(Homemade().fit(), path)
    with pytest.raises(ConversionError) as caught:
        load_estimator(str(path))
    assert str(caught.value) == (
        f"{path} holds types that are not trusted: tests.converters.test_loading.Homemade. Only classes of lightgbm, "
        "numpy, scipy, sklearn, xgboost are loaded; give module:function instead, a function of yours that loads or "
        "trains the estimator."
    )


def test_a_skops_file_with_a_function_of_others(tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump(make_pipeline(FunctionTransformer(homemade), LogisticRegression()).fit(ROWS, LABELS), path)
    with pytest.raises(ConversionError, match=r"not trusted: tests\.converters\.test_loading\.homemade"):
        load_estimator(str(path))


def test_a_function_of_a_trusted_library_is_no_class(tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump(make_pipeline(FunctionTransformer(joblib.load), LogisticRegression()), path)
    with pytest.raises(ConversionError, match="not trusted"):
        load_estimator(str(path))


def test_a_file_that_is_no_skops_file(tmp_path):
    path = tmp_path / "model.skops"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ConversionError, match=r"model\.skops cannot be read as a skops file: BadZipFile"):
        load_estimator(str(path))


@pytest.mark.parametrize("suffix", [".joblib", ".pkl"])
def test_a_pickle_is_loaded_when_it_is_trusted(suffix, tmp_path):
    path = tmp_path / f"model{suffix}"
    joblib.dump(LogisticRegression().fit(ROWS, LABELS), path)
    assert isinstance(load_estimator(str(path), trust_pickle=True), LogisticRegression)


def test_a_pickle_is_not_touched_unless_it_is_trusted(tmp_path):
    path, sprung = tmp_path / "model.pkl", tmp_path / "sprung"
    joblib.dump(Trap(sprung), path)
    with pytest.raises(ConfigurationError) as caught:
        load_estimator(str(path))
    assert not sprung.exists()
    assert str(caught.value) == (
        f"{path} is a pickle, and loading one runs the code inside it: pass --trust-pickle if you made it, or save the "
        "estimator with skops.io.dump, which holds no code"
    )


def test_a_broken_pickle(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x05nothing")
    with pytest.raises(ConversionError, match=r"model\.pkl cannot be unpickled: "):
        load_estimator(str(path), trust_pickle=True)


@pytest.fixture
def module(tmp_path, monkeypatch):
    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.chdir(tmp_path)

    return write


def test_a_function_in_the_current_directory(module):
    module(
        "train_good",
        "from sklearn.linear_model import LogisticRegression\n"
        "def model(): return LogisticRegression().fit([[0.0], [1.0]], [0, 1])\n",
    )
    assert load_estimator("train_good:model").predict([[1.0]]).tolist() == [1]


def test_a_function_that_returns_something_else(module):
    module("train_none", "def model(): pass\n")
    with pytest.raises(ConversionError) as caught:
        load_estimator("train_none:model")
    assert str(caught.value) == "train_none:model gave a NoneType. Expected a fitted scikit-learn estimator."


def test_a_function_that_returns_an_unfitted_estimator(module):
    module(
        "train_unfitted",
        "from sklearn.linear_model import LogisticRegression\ndef model(): return LogisticRegression()\n",
    )
    with pytest.raises(ConversionError) as caught:
        load_estimator("train_unfitted:model")
    assert (
        str(caught.value)
        == "train_unfitted:model gave a LogisticRegression that is not fitted. Call fit before converting."
    )


def test_a_function_that_raises(module):
    module("train_raising", "def model(): raise KeyError('income')\n")
    with pytest.raises(ConversionError, match=r"^train_raising:model raised KeyError: 'income'$"):
        load_estimator("train_raising:model")


def test_a_module_that_raises(module):
    module("train_broken", "1 / 0\n")
    with pytest.raises(ConversionError, match=r"^importing train_broken raised ZeroDivisionError: division by zero$"):
        load_estimator("train_broken:model")


def test_a_function_that_is_not_there(module):
    module("train_empty", "")
    with pytest.raises(ConfigurationError, match=r"the module 'train_empty' has no function 'model'$"):
        load_estimator("train_empty:model")


def test_a_module_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"cannot import 'train_nowhere' from .*: No module named"):
        load_estimator("train_nowhere:model")


@pytest.mark.parametrize("source", ["model.skops", "model.joblib"])
def test_a_file_that_is_not_there(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        load_estimator(source, trust_pickle=True)
    assert str(caught.value) == (
        f"estimator {source!r}: there is no such file; expected a .skops, .joblib or .pkl file, or module:function"
    )


def test_something_else():
    with pytest.raises(ConfigurationError, match=r"expected a \.skops, \.joblib or \.pkl file, or module:function"):
        load_estimator("model.onnx")
