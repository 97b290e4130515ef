"""One convolution as an ONNX model, for the engines that read ONNX."""

from onnx import TensorProto, helper, numpy_helper

# Old enough for every engine here, and no different for Conv.
OPSET = 13
IR_VERSION = 8


def model(request):
    """The model's bytes: input "x", output "y", both NCHW."""
    node = helper.make_node(
        "Conv",
        ["x", "filter", "bias"],
        ["y"],
        kernel_shape=[request.R, request.S],
        strides=[request.stride_h, request.stride_w],
        pads=request.pads(),
        dilations=[request.dilation_h, request.dilation_w],
        group=request.groups,
    )
    x_shape = [request.N, request.C, request.H, request.W]
    y_shape = [request.N, request.K, request.P, request.Q]
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y_shape)],
        [
            numpy_helper.from_array(request.filter, "filter"),
            numpy_helper.from_array(request.bias, "bias"),
        ],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString()
