"""Tests of convoy-layer-data and convoy-peer, which meson builds with -Dpeers=true.

test_programs.py CONVOY_LAYER_DATA CONVOY_PEER
"""

import json
import struct
import subprocess
import sys
import tempfile
import unittest

LAYER_DATA, CONVOY_PEER = sys.argv[1:3]
PROBLEM = "n2c6h9w7_k4r3s3_st2x1_pd0,1,2,1_g2"


def layer_data(*arguments):
    return subprocess.run([LAYER_DATA, *arguments], capture_output=True, text=True)


def answers(*requests):
    """The greeting, then the answer to each request line."""
    text = "".join(request + "\n" for request in requests)
    done = subprocess.run([CONVOY_PEER], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def fields(request):
    return dict(field.split("=", 1) for field in request.split("\t"))


def ask(request, variant):
    return request + f"\tvariant={variant}\tthreads=1\tmin_time=0.001\trepetitions=2\tnew_key=1"


class Programs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        done = layer_data("write", directory.name, PROBLEM)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.nchw, self.nhwc = done.stdout.splitlines()
        self.directory = directory.name

    def floats(self, request, key):
        with open(fields(request)[key], "rb") as file:
            data = file.read()
        return struct.unpack(f"<{len(data) // 4}f", data)

    def test_list_gives_canonical_problems(self):
        done = layer_data("list", PROBLEM, "n1c1h8w8_k2r3s3_same")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["problem"] for line in lines], [PROBLEM, "n1c1h8w8_k2r3s3_pd1"])
        self.assertEqual(lines[1]["macs"], 2 * 8 * 8 * 9)

    def test_bad_layers_are_refused_in_words(self):
        for arguments in (["list", "no_such_list"], ["write", self.directory, "n1c2"]):
            done = layer_data(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertGreater(len(done.stderr), 20)

    def test_layouts_hold_the_same_values(self):
        nchw, nhwc = self.floats(self.nchw, "x_path"), self.floats(self.nhwc, "x_path")
        N, C, H, W = (int(fields(self.nchw)[key]) for key in "NCHW")
        for n in range(N):
            for c in range(C):
                for h in range(H):
                    for w in range(W):
                        self.assertEqual(
                            nchw[((n * C + c) * H + h) * W + w], nhwc[((n * H + h) * W + w) * C + c]
                        )

    def test_reference_by_hand(self):
        """One output from the files, by the formula of include/convoy/layer.h."""
        x, y = self.floats(self.nchw, "x_path"), self.floats(self.nchw, "y_path")
        filter_, bias = self.floats(self.nchw, "filter_path"), self.floats(self.nchw, "bias_path")
        P, Q = (int(fields(self.nchw)[key]) for key in "PQ")
        n, k, p, q = 1, 3, P - 1, 1
        total = bias[k]
        for c in range(3):
            for r in range(3):
                for s in range(3):
                    h, w = p * 2 - 0 + r, q - 2 + s  # _pd0,1,2,1 is top,bottom,left,right
                    if 0 <= h < 9 and 0 <= w < 7:
                        value = x[((n * 6 + 3 + c) * 9 + h) * 7 + w]
                        total += value * filter_[((k * 3 + c) * 3 + r) * 3 + s]
        self.assertAlmostEqual(y[((n * 4 + k) * P + p) * Q + q], total, places=5)

    def test_convoy_answers_in_both_layouts(self):
        greeting, nhwc, nchw = answers(ask(self.nhwc, "auto/nhwc"), ask(self.nchw, "auto/nchw"))
        self.assertEqual((greeting["protocol"], greeting["engine"]), (1, "convoy"))
        for answer in (nhwc, nchw):
            self.assertEqual(answer["status"], "ok", answer)
            self.assertLess(answer["error"], 1e-5)
            self.assertGreater(answer["min_ms"], 0)
            self.assertLessEqual(answer["min_ms"], answer["median_ms"])
            self.assertGreaterEqual(answer["samples"], 2)
            self.assertEqual(len(answer["checksum"]), 8)

    def test_another_reference_shows_as_error(self):
        path = fields(self.nhwc)["y_path"]
        with open(path, "r+b") as file:
            file.seek(40)
            file.write(struct.pack("<f", 1000.0))
        _, answer = answers(ask(self.nhwc, "auto/nhwc"))
        self.assertGreater(answer["error"], 1.0)

    def test_not_a_number_shows_as_no_error(self):
        with open(fields(self.nhwc)["x_path"], "r+b") as file:
            file.write(struct.pack("<f", float("nan")) * 100)
        _, answer = answers(ask(self.nhwc, "auto/nhwc"))
        self.assertIsNone(answer["error"])

    def test_bad_requests_are_answered_and_do_not_end_the_peer(self):
        good = ask(self.nhwc, "auto/nhwc")
        cut = fields(self.nhwc)["y_path"]
        bad = (
            "hello",
            good.replace("\tK=4", ""),
            good.replace("y_path=" + cut, "y_path=/nonexistent"),
            good.replace("y_path=" + cut, "y_path=" + fields(self.nhwc)["bias_path"]),
            good.replace("min_time=0.001\trepetitions=2", "min_time=0\trepetitions=0"),
            ask(self.nhwc, "nonesuch/nhwc"),
        )
        _, *got, last = answers(*bad, good)
        for answer in got:
            self.assertIn(answer["status"], ("error", "unsupported"))
            self.assertGreater(len(answer["reason"]), 15)
        self.assertEqual(last["status"], "ok")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
