"""ONNX Runtime as a peer: the CPU provider on a model of one Conv node, with bound tensors."""

import peer  # first: see there

import onnxruntime

import onnx_layer


class Instance:
    def __init__(self, request):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = request.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(
            onnx_layer.model(request), options, providers=["CPUExecutionProvider"]
        )
        self.x = onnxruntime.OrtValue.ortvalue_from_numpy(request.x)
        self.y = onnxruntime.OrtValue.ortvalue_from_numpy(peer.aligned(request.y.shape))
        binding = self.session.io_binding()
        binding.bind_ortvalue_input("x", self.x)
        binding.bind_ortvalue_output("y", self.y)
        self.binding = binding
        run, options = self.session._sess.run_with_iobinding, onnxruntime.RunOptions()
        self.run = lambda: run(binding._iobinding, options)

    def output(self):
        return self.y.numpy()


class OnnxRuntime:
    name = "onnxruntime"
    version = onnxruntime.__version__
    variants = [
        peer.Variant(
            "default/nchw", "nchw", "plain tensors; reorders to its blocked layout are inside"
        )
    ]

    def create(self, request):
        return Instance(request)


if __name__ == "__main__":
    peer.serve(OnnxRuntime())
