"""The engines that scripts/peers knows: how each is started, and why it cannot be."""

import os
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PEERS = os.path.join(ROOT, "bench", "peers")


class Engine(NamedTuple):
    name: str
    program: str = ""  # built by meson in bench/peers of the build directory; or
    script: str = ""  # run by the virtual environment's Python
    wheels: tuple = ()  # what the script needs, names as in requirements.txt
    packages: tuple = ()  # what the program needs from Debian


# What Convoy itself is built with.
BUILD_PACKAGES = ("gcc", "g++", "meson", "ninja-build", "pkg-config", "libopenblas-openmp-dev")
BUILD_PACKAGES += ("libpng-dev", "libjpeg-dev", "libbenchmark-dev", "libjansson-dev")

ENGINES = (
    Engine("convoy", program="convoy-peer", packages=BUILD_PACKAGES),
    Engine("onednn", program="onednn-peer", packages=("libdnnl-dev",)),
    Engine("onnxruntime", script="onnxruntime_peer.py", wheels=("numpy", "onnx", "onnxruntime")),
    Engine("openvino", script="openvino_peer.py", wheels=("numpy", "openvino")),
    Engine("ncnn", script="ncnn_peer.py", wheels=("numpy", "ncnn")),
    Engine("mnn", script="mnn_peer.py", wheels=("numpy", "onnx", "MNN")),
)


def find(name):
    for engine in ENGINES:
        if engine.name == name:
            return engine
    known = ", ".join(engine.name for engine in ENGINES)
    raise ValueError(f'no engine "{name}": known are {known}; another is added by --peer')


def program_path(build, name):
    return os.path.join(build, "bench", "peers", name)


def environment_python(build):
    return os.path.join(build, "venv", "bin", "python")


def command(engine, build):
    """The command line that starts the engine's peer."""
    if engine.program:
        return [program_path(build, engine.program)]
    return [environment_python(build), os.path.join(PEERS, engine.script)]


def missing(engine, build):
    """Why the engine cannot be started, or None."""
    if not os.path.exists(command(engine, build)[0]):
        if engine.program:
            return f"not built: {' '.join(engine.packages)} may be missing, use --install"
        return "its wheels are not installed: use --install"
    return None
