"""OpenVINO as a peer: the CPU plugin on a model of one convolution made with its own operators.

float32 is enforced: by default the plugin computes in bfloat16 where the processor has it.
"""

import peer  # first: see there

import numpy
import openvino
from openvino import opset8


def _model(request, nhwc):
    shape = request.x.shape
    x = opset8.parameter(shape, numpy.float32, name="x")
    nchw = opset8.transpose(x, numpy.array([0, 3, 1, 2])) if nhwc else x
    arguments = {
        "strides": [request.stride_h, request.stride_w],
        "pads_begin": [request.pad_top, request.pad_left],
        "pads_end": [request.pad_bottom, request.pad_right],
        "dilations": [request.dilation_h, request.dilation_w],
    }
    if request.groups == 1:
        y = opset8.convolution(nchw, opset8.constant(request.filter), **arguments)
    else:
        g = request.groups
        grouped = request.filter.reshape(g, request.K // g, *request.filter.shape[1:])
        y = opset8.group_convolution(nchw, opset8.constant(grouped), **arguments)
    y = opset8.add(y, opset8.constant(request.bias.reshape(1, request.K, 1, 1)))
    if nhwc:
        y = opset8.transpose(y, numpy.array([0, 2, 3, 1]))
    return openvino.Model([y], [x], "layer")


def _implementation(compiled):
    """The convolution's kernel, then every other node that the compiled model runs."""
    nodes = []
    for node in compiled.get_runtime_model().get_ordered_ops():
        info = node.get_rt_info()
        kind = info["layerType"].astype(str) if "layerType" in info else ""
        if kind not in ("", "Input", "Output", "Const"):
            nodes.append(f"{kind} {info['primitiveType'].astype(str)}")
    nodes.sort(key=lambda text: not text.startswith("Conv"))
    return ", ".join(nodes)


class Instance:
    def __init__(self, core, request, nhwc):
        config = {
            "INFERENCE_NUM_THREADS": request.threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        compiled = core.compile_model(_model(request, nhwc), "CPU", config)
        self.implementation = _implementation(compiled)
        self.x, self.y = request.x, peer.aligned(request.y.shape)
        request = compiled.create_infer_request()
        request.set_input_tensor(openvino.Tensor(self.x, shared_memory=True))
        request.set_output_tensor(openvino.Tensor(self.y, shared_memory=True))
        # The class below openvino.InferRequest, whose infer does not look at its inputs again.
        infer = openvino.InferRequest.__base__.infer
        self.run = lambda: infer(request, {}, True, False)

    def output(self):
        return self.y


class OpenVino:
    name = "openvino"
    version = openvino.__version__.partition("-")[0]
    variants = [
        peer.Variant("default/nchw", "nchw", "plain tensors; the reorders it inserts are inside"),
        peer.Variant("default/nhwc", "nhwc", "plain tensors; the reorders it inserts are inside"),
    ]

    def __init__(self):
        self.core = openvino.Core()

    def create(self, request):
        return Instance(self.core, request, request.layout == "nhwc")


if __name__ == "__main__":
    peer.serve(OpenVino())
