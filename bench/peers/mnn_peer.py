"""MNN as a peer: a session on the CPU, on a model of one Conv node converted from ONNX.

MNN plans memory so that the input's may be used again for other tensors: the input is copied in
before each call, outside of the time.
"""

import peer  # first: see there

import os
import tempfile

import MNN
import _tools  # the converter itself: MNN.tools would install and call a telemetry package
import numpy

import onnx_layer


def _convert(directory, request):
    source = os.path.join(directory, "layer.onnx")
    target = os.path.join(directory, "layer.mnn")
    with open(source, "wb") as file:
        file.write(onnx_layer.model(request))
    arguments = ["mnnconvert", "-f", "ONNX", "--modelFile", source, "--MNNModel", target]
    _tools.mnnconvert(arguments + ["--bizCode", "convoy"])
    return target


def _host(array):
    return MNN.Tensor(array.shape, MNN.Halide_Type_Float, array, MNN.Tensor_DimensionType_Caffe)


class Instance:
    def __init__(self, request):
        with tempfile.TemporaryDirectory() as directory:
            self.net = MNN.Interpreter(_convert(directory, request))
        config = {"backend": "CPU", "numThread": request.threads, "precision": "high"}
        self.session = self.net.createSession(config)
        self.input = self.net.getSessionInput(self.session)
        self.result = self.net.getSessionOutput(self.session)
        if tuple(self.result.getShape()) != request.y.shape:
            raise peer.Unsupported(
                f"MNN gives an output of {self.result.getShape()} instead of {request.y.shape}"
            )
        self.x = _host(request.x)
        self.y = peer.aligned(request.y.shape)

    def prepare(self):
        self.input.copyFrom(self.x)

    def run(self):
        self.net.runSession(self.session)

    def output(self):
        host = _host(self.y)
        self.result.copyToHostTensor(host)
        return numpy.array(host.getNumpyData())


class Mnn:
    name = "mnn"
    version = MNN.version()
    variants = [
        peer.Variant(
            "default/nc4hw4", "nchw", "x and y in MNN's own layout; copying in and out is outside"
        )
    ]

    def create(self, request):
        return Instance(request)


if __name__ == "__main__":
    peer.serve(Mnn())
