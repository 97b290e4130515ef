"""Tests of the example programs as a user runs them.

test_programs.py LAYER UPSCALE DATA_DIRECTORY
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

LAYER, UPSCALE, DATA = sys.argv[1:4]
PHOTO = os.path.join(DATA, "fixture.png")


def upscale(*arguments):
    return subprocess.run([UPSCALE, *arguments], capture_output=True, text=True)


def png_extents(path):
    with open(path, "rb") as stream:
        return struct.unpack(">II", stream.read(24)[16:24])


class Layer(unittest.TestCase):
    def test_prints_five_times_the_input(self):
        done = subprocess.run([LAYER], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "y[0][2][4][4] = 5\n")


class Upscale(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.output = os.path.join(directory.name, "twice.png")

    def assert_refused(self, code, words, *arguments):
        done = upscale(*arguments)
        self.assertEqual(done.returncode, code, done)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertEqual(done.stdout, "")
        self.assertFalse(os.path.exists(self.output))

    def test_makes_a_picture_twice_as_large_and_a_table(self):
        done = upscale(PHOTO, self.output)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(png_extents(self.output), (256, 256))
        rows = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual(len(rows), 2 + 12 + 1)
        self.assertIn(["F_m1", "n1c3h128w128_k64r3s3_pd1"], [row[:2] for row in rows])

    def test_prints_json(self):
        done = upscale("--json", "--tile", "100", "--threads", "1", "--algorithm", "reordered",
                       PHOTO, self.output)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        table = json.loads(done.stdout)
        self.assertEqual((table["height"], table["width"], table["tiles"]), (128, 128, 4))
        self.assertEqual([layer["name"] for layer in table["layers"]],
                         ["F_m1", "F_0", "F_1_1", "LFF_1", "F_2_1", "LFF_2", "GFF_1", "GFF_2",
                          "UPN1", "UPN2", "UPN3", "SR"])
        self.assertEqual({layer["algorithm"] for layer in table["layers"]}, {"reordered"})
        first = table["layers"][0]
        self.assertEqual(first["problem"], "n1c3h100w100_k64r3s3_pd1")
        self.assertEqual(first["macs"], 4 * 100 * 100 * 64 * 27)
        self.assertEqual(table["total"]["macs"], sum(layer["macs"] for layer in table["layers"]))
        self.assertGreater(first["seconds"], 0)

    def test_is_quiet_when_asked(self):
        done = upscale("--quiet", PHOTO, self.output)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_helps(self):
        done = upscale("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("Usage: upscale"))

    def test_refuses_bad_usage(self):
        self.assert_refused(2, "INPUT.png", PHOTO)
        self.assert_refused(2, "--layout must be nhwc or nchw",
                            "--layout", "hwc", PHOTO, self.output)
        self.assert_refused(2, "--threads must be", "--threads", "two", PHOTO, self.output)
        self.assert_refused(2, "--tile must be", "--tile", "20", PHOTO, self.output)
        self.assert_refused(2, "guesswork", "--algorithm", "guesswork", PHOTO, self.output)
        self.assert_refused(2, "sse9", "--isa", "sse9", PHOTO, self.output)

    def test_refuses_what_is_no_photo(self):
        text = os.path.join(self.directory, "text.png")
        with open(text, "w") as stream:
            stream.write("not a picture")
        self.assert_refused(2, "text.png", text, self.output)
        self.assert_refused(3, "missing.png", os.path.join(self.directory, "missing.png"),
                            self.output)
        with open(PHOTO, "rb") as stream:
            half = stream.read()[:20000]
        with open(text, "wb") as stream:
            stream.write(half)
        self.assert_refused(2, "text.png", text, self.output)

    def test_refuses_weights_that_do_not_fit(self):
        self.assert_refused(3, "group1-shard1of1.bin", "--data", self.directory, PHOTO, self.output)
        with open(os.path.join(self.directory, "group1-shard1of1.bin"), "wb") as stream:
            stream.write(bytes(1000))
        self.assert_refused(2, "fewer", "--data", self.directory, PHOTO, self.output)

    def test_says_where_it_cannot_write(self):
        output = os.path.join(self.directory, "no", "such", "directory.png")
        done = upscale(PHOTO, output)
        self.assertEqual(done.returncode, 3)
        self.assertIn(output, done.stderr)
        self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
