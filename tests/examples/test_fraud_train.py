"""The model: good, deterministic, and equal to its conversion."""

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import BooleanTensorType, FloatTensorType, Int64TensorType, StringTensorType

from examples.fraud import train
from examples.fraud.periods import Periods, period_rows, simulated
from examples.fraud.schema import FEATURES, LABEL, names
from examples.fraud.simulator import SECONDS_PER_DAY, Simulation

GRAPH_TYPES = {
    "float32": FloatTensorType,
    "int64": Int64TensorType,
    "string": StringTensorType,
    "bool": BooleanTensorType,
}
OPSET = 21


@pytest.fixture(scope="module")
def rows():
    return train.held_back_table()


@pytest.fixture(scope="module")
def session():
    inputs = [(feature.name, GRAPH_TYPES[feature.dtype]([None, 1])) for feature in FEATURES]
    graph = to_onnx(train.model(), initial_types=inputs, options={"zipmap": False}, target_opset=OPSET)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.SerializeToString(), options)


def converted(session, rows):
    dtypes = {"string": np.object_, "float32": np.float32, "int64": np.int64, "bool": np.bool_}
    feeds = {f.name: rows[f.name].to_numpy().astype(dtypes[f.dtype]).reshape(-1, 1) for f in FEATURES}
    return session.run(["probabilities"], feeds)[0][:, 1]


def original(rows):
    return train.model().predict_proba(rows[names()])[:, 1]


def test_metrics():
    measured = train.properties()

    assert measured["test_average_precision"] > 0.7 > 20 * measured["test_fraud_rate"]
    assert measured["test_roc_auc"] > 0.85
    assert measured["test_precision_top_100"] > 0.95
    assert measured["test_precision_top_100_a_day"] > 0.5
    assert measured["test_precision"] > 0.8
    assert measured["test_recall"] > 0.6
    assert measured["training_rows"] == len(train.training_table())
    assert measured["threshold"] == train.threshold()


def test_properties_are_plain_numbers_and_a_copy():
    train.properties().clear()

    assert {type(value) for value in train.properties().values()} <= {int, float}


def test_training_again_gives_the_same(rows):
    again = train.train()

    assert again.properties == train.properties()
    assert (again.model.predict_proba(rows[names()])[:, 1] == original(rows)).all()


def test_tables_are_of_different_days_and_of_the_same_columns(rows):
    training = train.training_table()

    assert training.columns.tolist() == rows.columns.tolist() == [*names(), LABEL]
    assert training.dtypes.equals(rows.dtypes)
    assert training[LABEL].mean() == pytest.approx(0.02, abs=0.01)


def test_periods_leave_the_delay_between_them():
    assert Periods.of(77) == Periods((28, 49), (56, 63), (70, 77))


def test_periods_need_days():
    with pytest.raises(ValueError) as error:
        Periods.of(48)
    assert str(error.value) == "days is 48, expected at least 49: the periods do not fit"


def test_rows_of_a_period_are_of_its_days():
    taken = period_rows(simulated(Simulation()), (70, 77))

    assert set(taken["seconds"] // SECONDS_PER_DAY) == set(range(70, 77))
    assert taken.index.equals(pd.RangeIndex(len(taken)))


# protobuf 6 says so of skl2onnx 1.20 at every ensemble of trees that can route NaN.
@pytest.mark.filterwarnings("ignore:Field onnx.AttributeProto.ints:DeprecationWarning")
class TestConversion:
    def test_each_column_is_an_input(self, session):
        assert [one.name for one in session.get_inputs()] == names()
        assert {tuple(one.shape) for one in session.get_inputs()} == {(None, 1)}

    def test_probabilities_agree(self, session, rows):
        assert np.abs(converted(session, rows) - original(rows)).max() < 1e-5

    def test_probabilities_agree_on_nulls(self, session, rows):
        nulls = rows.assign(device_age_days=np.float32("nan"), distance_km=np.float32("nan"), merchant_category="")

        assert np.abs(converted(session, nulls) - original(nulls)).max() < 1e-5

    def test_probabilities_agree_on_categories_never_seen(self, session, rows):
        unseen = rows.assign(merchant_category="zoo", country="ÅX", currency="XTS", channel=" ")

        assert np.abs(converted(session, unseen) - original(unseen)).max() < 1e-5

    def test_probabilities_agree_where_values_are_shuffled_between_rows(self, session, rows):
        rng = np.random.default_rng(0)
        shuffled = pd.DataFrame({name: rng.permutation(rows[name].to_numpy()) for name in names()})

        assert np.abs(converted(session, shuffled) - original(shuffled)).max() < 1e-5

    def test_decisions_agree_at_the_threshold(self, session, rows):
        assert ((converted(session, rows) >= train.threshold()) == (original(rows) >= train.threshold())).all()

    def test_one_row_alone_scores_as_in_a_batch(self, session, rows):
        together = converted(session, rows.head(50))
        alone = [converted(session, rows.iloc[[row]])[0] for row in range(50)]

        assert together.tolist() == alone
