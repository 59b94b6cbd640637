"""Each repaired converter, in the settings that its users choose, against scikit-learn's own answers."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.covariance import EllipticEnvelope
from sklearn.cross_decomposition import CCA, PLSCanonical
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC

from converters.export import GraphInput, to_onnx
from converters.repairs import register
from scoring.errors import ConversionError
from tests.converters.running import answers

rng = np.random.default_rng(3)
X = rng.normal(size=(220, 4)).astype(np.float32).astype(np.float64)
LINE = X @ np.array([1.0, 2.0, -1.0, 0.5]) + rng.normal(scale=0.3, size=len(X))
TWO = (LINE > 0).astype(int)
THREE = np.digitize(LINE, [-1.0, 1.0])
FOUR = np.digitize(LINE, [-2.0, 0.0, 2.0])
POSITIVE = np.exp(LINE / 3)
SEEN, HELD_BACK = slice(0, 160), slice(160, None)


def agrees(estimator, target=None, *, rows=X, atol=2e-6):
    """Fits on the rows seen, and compares the rest all at once and the first of it alone."""
    fitted = estimator.fit(rows[SEEN]) if target is None else estimator.fit(rows[SEEN], target[SEEN])
    rest = rows[HELD_BACK]
    for batch in (rest, rest[:1]):
        outputs = answers(fitted, batch)
        methods = ("predict_proba", "decision_function", "predict", "transform")
        expected = next(getattr(fitted, name) for name in methods if hasattr(fitted, name))(batch)
        expected = expected.toarray() if hasattr(expected, "toarray") else np.asarray(expected)
        scale = max(1.0, np.nanmax(np.abs(expected)))
        np.testing.assert_allclose(outputs[-1].reshape(expected.shape) / scale, expected / scale, atol=atol, rtol=0)
        if len(outputs) == 2:
            np.testing.assert_array_equal(outputs[0], fitted.predict(batch))


def refused(estimator, target, words, rows=X):
    fitted = estimator.fit(rows, target)
    with pytest.raises(ConversionError, match=words) as refusal:
        to_onnx(fitted, [GraphInput("table", "float32", rows.shape[1])])
    assert refusal.value.step == type(estimator).__name__
    assert refusal.value.remedy.endswith(".")


def test_registering_twice_does_no_harm():
    register()
    register()
    agrees(LinearDiscriminantAnalysis(), THREE)


@pytest.mark.parametrize(
    "inner", [LogisticRegression(), LinearSVC(), SVC(), GaussianNB(), make_pipeline(StandardScaler(), SVC())]
)
@pytest.mark.parametrize("settings", [{"threshold": 0.31}, {}, {"threshold": 0.2, "pos_label": 0}])
def test_fixed_threshold(inner, settings):
    agrees(FixedThresholdClassifier(inner, **settings), TWO, atol=1e-5)


def test_fixed_threshold_with_strings():
    agrees(FixedThresholdClassifier(LogisticRegression(), threshold=0.7, pos_label="no"), np.where(TWO, "yes", "no"))


@pytest.mark.parametrize("inner", [LogisticRegression(), LinearSVC()])
def test_tuned_threshold(inner):
    agrees(TunedThresholdClassifierCV(inner, cv=3), TWO)


def test_threshold_on_a_decision_function_that_the_graph_has_not():
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.1, response_method="decision_function")
    refused(model, TWO, "Use response_method='predict_proba'")


def test_self_training():
    labels = np.where(np.arange(len(X)) % 3 == 0, -1, THREE)
    agrees(SelfTrainingClassifier(LogisticRegression()), labels)


@pytest.mark.parametrize(
    ("func", "inverse"),
    [(np.log1p, np.expm1), (np.log, np.exp), (np.sqrt, np.square), (np.square, np.sqrt), (None, None)],
)
def test_transformed_target_by_function(func, inverse):
    inner = HistGradientBoostingRegressor(max_iter=5)  # stays above zero, where all of these are defined
    agrees(TransformedTargetRegressor(inner, func=func, inverse_func=inverse), POSITIVE)


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        RobustScaler(),
        MinMaxScaler(),
        MaxAbsScaler(),
        QuantileTransformer(n_quantiles=50),
        PowerTransformer(),
        PowerTransformer("box-cox", standardize=False),
    ],
)
def test_transformed_target_by_transformer(transformer):
    inner = HistGradientBoostingRegressor(max_iter=5)
    agrees(TransformedTargetRegressor(inner, transformer=transformer), POSITIVE, atol=5e-6)


def test_yeo_johnson_of_negative_targets():
    agrees(TransformedTargetRegressor(Ridge(), transformer=PowerTransformer()), LINE - 1.0, atol=5e-6)


def test_transformed_targets_that_onnx_cannot_take_back():
    inverse = TransformedTargetRegressor(LinearRegression(), func=np.cbrt, inverse_func=np.arctan, check_inverse=False)
    refused(inverse, LINE, r"'arctan'.*Use inverse_func=numpy\.expm1")
    normal = QuantileTransformer(n_quantiles=50, output_distribution="normal")
    refused(TransformedTargetRegressor(LinearRegression(), transformer=normal), LINE, "normal distribution")
    spline = KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf")
    refused(
        TransformedTargetRegressor(LinearRegression(), transformer=spline, check_inverse=False),
        LINE,
        "KBinsDiscretizer.*StandardScaler",
    )


@pytest.mark.parametrize("target", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("strategy", ["prior", "most_frequent", "constant"])
def test_dummy_classifier(strategy, target):
    agrees(DummyClassifier(strategy=strategy, constant=1 if strategy == "constant" else None), target)


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_random_answers_are_refused(strategy):
    refused(DummyClassifier(strategy=strategy), TWO, "draws its answer at random.*Use strategy='prior'")


@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_dummy_regressor(strategy):
    agrees(DummyRegressor(strategy=strategy), LINE)


@pytest.mark.parametrize("target", [TWO, FOUR], ids=["two", "four"])
@pytest.mark.parametrize("solver", ["svd", "lsqr"])
def test_linear_discriminant(solver, target):
    agrees(LinearDiscriminantAnalysis(solver=solver), target)


@pytest.mark.parametrize("settings", [{}, {"priors": "empirical"}, {"shrink_threshold": 0.2}])
def test_nearest_centroid(settings):
    agrees(NearestCentroid(**settings), THREE)


def test_nearest_centroid_by_another_metric():
    refused(NearestCentroid(metric="manhattan"), THREE, "Use|without a score")


def test_elliptic_envelope():
    agrees(EllipticEnvelope(random_state=0))


@pytest.mark.parametrize("encode", ["ordinal", "onehot", "onehot-dense"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
def test_bins(encode, strategy):
    kwargs = {"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}
    binned = KBinsDiscretizer(4, encode=encode, strategy=strategy, random_state=0, **kwargs)
    edges = binned.fit(X[SEEN]).bin_edges_
    rows = np.vstack([X, np.column_stack([edge[:5] for edge in edges]).astype(np.float32)])
    agrees(binned, rows=rows)


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("settings", [{}, {"degree": 2, "n_knots": 3}, {"include_bias": False, "knots": "quantile"}])
def test_splines(extrapolation, settings):
    rows = X.copy()
    rows[HELD_BACK] *= 2.0  # beyond the knots
    agrees(SplineTransformer(extrapolation=extrapolation, **settings), rows=rows, atol=2e-5)


@pytest.mark.parametrize("extrapolation", ["constant", "continue"])
def test_straight_splines(extrapolation):
    agrees(SplineTransformer(degree=1, n_knots=3, extrapolation=extrapolation), rows=X, atol=2e-5)


def test_splines_that_scikit_learn_continues_in_its_own_way():
    refused(SplineTransformer(degree=1, extrapolation="linear"), None, "Use degree=2 or more")


def test_splines_that_raise():
    refused(SplineTransformer(extrapolation="error"), None, "Use extrapolation='constant'")


@pytest.mark.parametrize("kernel", ["linear", "rbf", "poly", "sigmoid", "laplacian"])
def test_kernel_ridge(kernel):
    agrees(KernelRidge(kernel=kernel, alpha=0.5, gamma=0.05, coef0=0), LINE)


def test_kernel_ridge_by_another_kernel():
    refused(KernelRidge(kernel="cosine"), LINE, "'cosine' has no equal")


@pytest.mark.parametrize("model", [LabelPropagation, LabelSpreading])
@pytest.mark.parametrize("kernel", ["rbf", "knn"])
def test_label_propagation(model, kernel):
    labels = np.where(np.arange(len(X)) % 3 == 0, -1, THREE)
    agrees(model(kernel=kernel, gamma=1.0, max_iter=2000), labels)


def test_radius_neighbours():
    agrees(RadiusNeighborsClassifier(radius=1.2, outlier_label="most_frequent"), THREE)
    agrees(RadiusNeighborsRegressor(radius=6.0), LINE)
    refused(RadiusNeighborsClassifier(radius=9.0), THREE, "Set outlier_label='most_frequent'")


@pytest.mark.filterwarnings("ignore:One or more samples have no neighbors")  # which is what this test asks for
def test_no_neighbour_is_nan():
    far = np.full((2, 4), 99.0)
    model = RadiusNeighborsRegressor(radius=1.0).fit(X, LINE)
    assert np.isnan(model.predict(far)).all()
    assert np.isnan(answers(model, far)[0]).all()


@pytest.mark.parametrize("target", [TWO, THREE, FOUR], ids=["two", "three", "four"])
@pytest.mark.parametrize("inner", [LogisticRegression(), LinearSVC(), GaussianNB(), SVC()])
def test_one_against_one(inner, target):
    agrees(OneVsOneClassifier(inner), target, atol=1e-5)


def test_one_against_one_of_boosted_trees():
    agrees(OneVsOneClassifier(GradientBoostingClassifier(n_estimators=2)), THREE)
    refused(OneVsOneClassifier(AdaBoostClassifier(n_estimators=2)), THREE, "asks for the decision_function of AdaBoost")


@pytest.mark.parametrize("target", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("inner", [LogisticRegression(), LinearSVC(), GaussianNB(), GradientBoostingClassifier()])
def test_one_against_the_rest(inner, target):
    agrees(OneVsRestClassifier(inner), target)


@pytest.mark.parametrize(
    "settings",
    [{}, {"estimator": LinearSVC()}, {"estimator": LogisticRegression(), "max_features": 0.5}, {"max_samples": 0.1}],
)
def test_bagging(settings):
    agrees(BaggingClassifier(n_estimators=4, random_state=0, **settings), FOUR)


@pytest.mark.parametrize("target", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize(
    "inner",
    [
        LogisticRegression(),
        LinearSVC(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GradientBoostingClassifier(n_estimators=3),
        RandomForestClassifier(5, random_state=0),
        GaussianNB(),
    ],
    ids=lambda inner: type(inner).__name__,
)
def test_calibrated(inner, method, target):
    agrees(CalibratedClassifierCV(inner, method=method, cv=2), target, atol=1e-5)


def test_calibrated_before_and_by_temperature():
    fitted = FrozenEstimator(RandomForestClassifier(5, random_state=0).fit(X, TWO))
    agrees(CalibratedClassifierCV(fitted), TWO)
    refused(CalibratedClassifierCV(LogisticRegression(), method="temperature"), TWO, "Use method='sigmoid'")


def test_weighted_neighbours_are_refused():
    agrees(KNeighborsClassifier(), THREE)
    refused(KNeighborsClassifier(weights="distance"), THREE, "Use weights='uniform'")
    refused(KNeighborsRegressor(weights="distance"), LINE, "Use weights='uniform'")


def test_gaussian_process_regressor():
    agrees(GaussianProcessRegressor(RBF(2.0) + WhiteKernel(0.1), optimizer=None), LINE)


@pytest.mark.parametrize("weights", [None, [2.0, 1.0]])
def test_soft_votes(weights):
    parts = [
        ("forest", RandomForestClassifier(5, random_state=0)),
        ("scaled", make_pipeline(StandardScaler(), GaussianNB())),
    ]
    agrees(VotingClassifier(parts, voting="soft", weights=weights), THREE)


@pytest.mark.parametrize("order", [None, [1, 0]])
def test_chain(order):
    agrees(RegressorChain(Ridge(), order=order), np.column_stack([LINE, LINE**2]))


@pytest.mark.parametrize("model", [CCA(1), PLSCanonical(1)])
def test_latent(model):
    agrees(model, np.column_stack([LINE, LINE**2]))


@pytest.mark.parametrize("bounds", ["clip", "nan"])
def test_isotonic(bounds):
    rows = X[:, :1].copy()
    rows[-3:] = [[50.0], [-50.0], [0.0]]
    model = IsotonicRegression(out_of_bounds=bounds)
    if bounds == "clip":
        agrees(model, LINE, rows=rows)
        return
    model.fit(rows[SEEN], LINE[SEEN])
    np.testing.assert_allclose(answers(model, rows)[0].ravel(), model.predict(rows.ravel()), atol=2e-6)


def test_isotonic_that_raises():
    refused(IsotonicRegression(out_of_bounds="raise"), LINE, "Use out_of_bounds='clip'", rows=X[:, :1])


@pytest.mark.parametrize("settings", [{}, {"max_features": 0.5}, {"contamination": 0.1, "max_samples": 64}])
def test_isolation_forest(settings):
    agrees(IsolationForest(n_estimators=20, random_state=0, **settings))


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_imputer(strategy, dtype):
    rows = X.copy()
    rows[rng.random(X.shape) < 0.2] = np.nan
    imputer = SimpleImputer(strategy=strategy).fit(rows)
    np.testing.assert_allclose(answers(imputer, rows, dtype)[0], imputer.transform(rows), atol=1e-6)


def test_imputer_of_a_number():
    rows = np.round(X)
    imputer = SimpleImputer(missing_values=0.0, strategy="mean").fit(rows)
    np.testing.assert_allclose(answers(imputer, rows)[0], imputer.transform(rows), atol=1e-6)


def test_imputer_with_indicator():
    refused(SimpleImputer(add_indicator=True), None, "Leave add_indicator=False")


@pytest.mark.parametrize("best", [0, 3])
def test_a_single_column_chosen(best):
    target = (X[:, best] > 0).astype(int)
    agrees(make_pipeline(SelectKBest(k=1), LogisticRegression()), target)


def test_sequential_selection():
    agrees(SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=2), THREE)


def test_gaussian_process_classifier():
    refused(GaussianProcessClassifier(), TWO, "error function in float64")
