"""What a graph must be before a session is built: nothing outside the file, nothing foreign, nothing huge."""

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from models import MAX_MODEL_BYTES, check_graph
from scoring.errors import ModelRefusedError
from tests.models import graphs
from tests.models.graphs import FLOAT, value


def refusal(model: onnx.ModelProto | bytes, **more) -> str:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(ModelRefusedError) as caught:
        check_graph(data, source="m:1", **more)
    return str(caught.value)


def plain() -> onnx.ModelProto:
    return onnx.load_model_from_string(graphs.cast())


@pytest.mark.parametrize("model", [graphs.payments(), graphs.linear(3), graphs.row_counter(), graphs.cast()])
def test_good_graphs_pass(model):
    check_graph(model, source="m:1")


@pytest.mark.parametrize("data", [b"", b"junk junk junk", b"\x08", b"{}", graphs.cast()[:40], b"\x08\x08"])
def test_what_is_not_onnx(data):
    assert refusal(data) == "m:1: model.onnx is not an ONNX model"


def test_size_is_bounded_exactly():
    model = graphs.cast()
    check_graph(model, source="m:1", max_bytes=len(model))
    expected = f"m:1: model.onnx has {len(model)} bytes; at most {len(model) - 1} are accepted"
    assert refusal(model, max_bytes=len(model) - 1) == expected
    assert MAX_MODEL_BYTES == 1_073_741_824


def outside(*, flagged: bool = True, named: bool = True) -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(2, np.float32), "weights")
    if flagged:
        tensor.data_location = TensorProto.EXTERNAL
    if named:
        tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def in_initialiser(model, tensor):
    model.graph.initializer.append(tensor)


def in_sparse_values(model, tensor):
    model.graph.sparse_initializer.add().values.CopyFrom(tensor)


def in_sparse_indices(model, tensor):
    model.graph.sparse_initializer.add().indices.CopyFrom(tensor)


def in_attribute(model, tensor):
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def in_list_attribute(model, tensor):
    node = model.graph.node.add(op_type="Constant", output=["c"])
    node.attribute.add(name="values", type=AttributeProto.TENSORS).tensors.append(tensor)


def in_sparse_attribute(model, tensor):
    node = model.graph.node.add(op_type="Constant", output=["c"])
    node.attribute.add(name="sparse_value", type=AttributeProto.SPARSE_TENSOR).sparse_tensor.values.CopyFrom(tensor)


def in_subgraph(model, tensor):
    branch = helper.make_graph([], "branch", [], [], [tensor])
    model.graph.node.append(helper.make_node("If", ["x"], ["c"], then_branch=branch, else_branch=branch))


def in_subgraph_of_subgraph(model, tensor):
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], [])
    outer = helper.make_graph([helper.make_node("Loop", ["n"], ["c"], body=inner)], "outer", [], [])
    model.graph.node.add(op_type="Scan").attribute.add(name="graphs", type=AttributeProto.GRAPHS).graphs.append(outer)


def in_function(model, tensor):
    node = helper.make_node("Constant", [], ["c"], value=tensor)
    model.functions.append(helper.make_function("own", "F", [], ["c"], [node], [helper.make_opsetid("", 17)]))


def in_function_default(model, tensor):
    function = helper.make_function("own", "F", [], ["c"], [], [helper.make_opsetid("", 17)])
    function.attribute_proto.append(helper.make_attribute("value", tensor))
    model.functions.append(function)


def in_training(model, tensor):
    model.training_info.add().initialization.initializer.append(tensor)


PLACES = [
    in_initialiser,
    in_sparse_values,
    in_sparse_indices,
    in_attribute,
    in_list_attribute,
    in_sparse_attribute,
    in_subgraph,
    in_subgraph_of_subgraph,
    in_function,
    in_function_default,
    in_training,
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", [{}, {"flagged": False}, {"named": False}], ids=["both", "named only", "flagged only"])
def test_data_outside_the_file_is_found_wherever_it_is_named(place, how):
    model = plain()
    place(model, outside(**how))
    assert refusal(model) == "m:1: tensor 'weights' keeps its data outside model.onnx"


@pytest.mark.parametrize("place", PLACES)
def test_data_inside_the_file_is_fine_anywhere(place):
    model = plain()
    place(model, outside(flagged=False, named=False))
    check_graph(model.SerializeToString(), source="m:1")


FOREIGN = "m:1: operators of the domain 'com.microsoft'; only ONNX's own are accepted"


def foreign_node() -> onnx.NodeProto:
    return helper.make_node("FusedMatMul", ["x", "x"], ["c"], domain="com.microsoft")


def test_a_foreign_import():
    model = plain()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert refusal(model) == FOREIGN


def test_a_foreign_operator():
    model = plain()
    model.graph.node.append(foreign_node())
    assert refusal(model) == FOREIGN


def tokenizer() -> onnx.NodeProto:
    return helper.make_node("Tokenizer", ["x"], ["words"], domain="com.microsoft")


def test_the_tokenizer_of_text_models_passes():
    model = plain()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.graph.node.append(tokenizer())
    check_graph(model.SerializeToString(), source="m:1")


def test_the_tokenizer_does_not_open_its_whole_domain():
    model = plain()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.graph.node.extend([tokenizer(), foreign_node()])
    assert refusal(model) == FOREIGN


def test_a_foreign_operator_in_a_subgraph():
    model = plain()
    branch = helper.make_graph([foreign_node()], "branch", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], ["c"], then_branch=branch, else_branch=branch))
    assert refusal(model) == FOREIGN


def function_of(domain: str, *nodes: onnx.NodeProto, opset: str = "") -> onnx.FunctionProto:
    return helper.make_function(domain, "F", ["x"], ["c"], list(nodes), [helper.make_opsetid(opset, 17)])


def test_a_foreign_operator_in_a_function():
    model = plain()
    model.functions.append(function_of("own", foreign_node()))
    assert refusal(model) == FOREIGN


def test_a_foreign_import_of_a_function():
    model = plain()
    model.functions.append(function_of("own", opset="com.microsoft"))
    assert refusal(model) == FOREIGN


def test_a_function_of_the_models_own_may_be_called():
    model = plain()
    model.functions.append(function_of("own", helper.make_node("Abs", ["x"], ["c"])))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node.append(helper.make_node("F", ["x"], ["c"], domain="own"))
    check_graph(model.SerializeToString(), source="m:1")


def test_a_function_does_not_open_its_whole_domain():
    model = plain()
    model.functions.append(function_of("com.microsoft", helper.make_node("Abs", ["x"], ["c"])))
    model.graph.node.append(foreign_node())
    assert refusal(model) == FOREIGN


def test_a_large_graph_is_checked_quickly():
    nodes = [helper.make_node("Relu", ["x"], [f"y{index}"]) for index in range(20_000)]
    model = graphs.model_bytes(nodes, [value("x", FLOAT, [1])], [], weights=np.zeros(1_000_000, np.float32))
    check_graph(model, source="m:1")
