"""ncnn as a peer: a net of one convolution layer, in float32 throughout, with Winograd allowed."""

import peer  # first: see there

import os
import struct
import tempfile

import ncnn
import numpy


def _parameters(request):
    """The net as ncnn's text format: layer type, name, blobs, then numbered parameters."""
    numbered = {
        0: request.K,
        1: request.S,
        11: request.R,
        2: request.dilation_w,
        12: request.dilation_h,
        3: request.stride_w,
        13: request.stride_h,
        4: request.pad_left,
        14: request.pad_top,
        15: request.pad_right,
        16: request.pad_bottom,
        5: 1,
        6: request.filter.size,
    }
    kind = "Convolution"
    if request.groups > 1:
        kind = "ConvolutionDepthWise"
        numbered[7] = request.groups
    numbers = " ".join(f"{key}={value}" for key, value in numbered.items())
    return (
        "7767517\n2 2\n"
        f"Input input 0 1 x 0={request.W} 1={request.H} 2={request.C}\n"
        f"{kind} layer 1 1 x y {numbers}\n"
    )


def _load(net, request):
    if net.load_param_mem(_parameters(request)) != 0:
        raise peer.Unsupported("ncnn refuses the layer")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "layer.bin")
        with open(path, "wb") as file:
            file.write(struct.pack("<I", 0))  # the weights follow as float32
            file.write(request.filter.tobytes())
            file.write(request.bias.tobytes())
        if net.load_model(path) != 0:
            raise peer.Unsupported("ncnn refuses the weights")


class Instance:
    def __init__(self, request):
        self.net = ncnn.Net()
        options = self.net.opt
        options.num_threads = request.threads
        options.use_vulkan_compute = False
        for name in dir(options):
            if name.startswith(("use_fp16", "use_bf16", "use_int8")):
                setattr(options, name, False)
        # As in ncnn's own benchmark: memory is kept from one run to the next.
        self.blobs, self.scratch = ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator()
        options.blob_allocator = self.blobs
        options.workspace_allocator = self.scratch
        ncnn.set_omp_num_threads(request.threads)
        _load(self.net, request)
        self.shape = request.y.shape
        self.x = ncnn.Mat(request.x[0]).clone()
        self.y = None

    def run(self):
        self.y = None  # gives its memory back, for the next output
        extractor = self.net.create_extractor()
        extractor.input("x", self.x)
        self.status, self.y = extractor.extract("y")

    def output(self):
        if self.status != 0:
            raise RuntimeError(f"extract returned {self.status}")
        return numpy.array(self.y).reshape(self.shape)


class Ncnn:
    name = "ncnn"
    version = ncnn.__version__
    variants = [
        peer.Variant("default/nchw", "nchw", "plain tensors; packing and unpacking are inside"),
    ]

    def create(self, request):
        if request.N != 1:
            raise peer.Unsupported(f"ncnn has no batch, and the layer has N = {request.N}")
        return Instance(request)


if __name__ == "__main__":
    peer.serve(Ncnn())
