"""Tests of scripts/peers with peers that behave well and badly; no engine is needed."""

import json
import os
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench", "peers"))

from coordinator import main, measure, process, table  # noqa: E402  found by the path above

LAYER = {"layer": "a_layer", "problem": "n1c8h8w8_k8r3s3", "macs": 20736}


class FakeData:
    """Request lines without files: fake peers read none."""

    def requests(self, problem):
        return {layout: f"problem={problem}\tlayout={layout}" for layout in ("nchw", "nhwc")}


class Run(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.peers = []

    def column(self, name, behaviour, milliseconds):
        command = [sys.executable, os.path.join(HERE, "fake_peer.py")]
        command += [name, behaviour, str(milliseconds)]
        log = os.path.join(self.directory.name, name + ".log")
        peer = process.Peer(name, command, main.environment(self.directory.name, 2), log)
        peer.start()
        self.addCleanup(peer.close)
        self.peers.append(peer)
        return measure.Column(peer, peer.variants[0])

    def results(self, *columns, timeout=30.0):
        measurement = measure.Measurement(2, 2, 0.0, 1, timeout)
        measurement.overheads(columns, FakeData())
        requests = FakeData().requests(LAYER["problem"])
        return measurement.layer(LAYER, columns, requests, lambda column: None)

    def test_ratio_is_to_convoy(self):
        ours, theirs = self.results(
            self.column("convoy", "good", 20), self.column("other", "good", 30)
        )
        self.assertEqual(ours["ratio"], 1.0)
        self.assertEqual(theirs["ratio"], 1.5)
        self.assertAlmostEqual(theirs["effective_gflops"], 2 * 20736 / 30e-3 * 1e-9)
        self.assertFalse(theirs["under_ten_overheads"])
        self.assertEqual(theirs["implementation"], "threads 2 of 2")

    def test_what_computes_something_else_is_shown_and_not_ranked(self):
        for behaviour in ("wrong", "lost"):
            ours, theirs = self.results(
                self.column("convoy", "good", 20), self.column(behaviour, behaviour, 1)
            )
            self.assertEqual(theirs["min_ms"], 1.0)
            self.assertFalse(theirs["ranked"])
            self.assertIsNone(theirs["ratio"])
            self.assertIn("!", table.marks(theirs))
            self.assertIn("!", table.layer_block(LAYER, [ours, theirs], 100.0))

    def test_wrong_convoy_gives_no_ratios(self):
        ours, theirs = self.results(
            self.column("convoy", "wrong", 20), self.column("other", "good", 30)
        )
        self.assertIsNone(ours["ratio"])
        self.assertIsNone(theirs["ratio"])

    def test_layer_near_the_call_overhead_is_marked(self):
        (result,) = self.results(self.column("convoy", "good", 4.9))
        self.assertTrue(result["under_ten_overheads"])
        self.assertIn("*", table.marks(result))

    def test_failures_are_reported_and_the_others_run(self):
        columns = [
            self.column(behaviour, behaviour, 1)
            for behaviour in ("refuses", "dies", "hangs", "babbles")
        ]
        results = self.results(*columns, self.column("convoy", "good", 20), timeout=2.0)
        refuses, dies, hangs, babbles, ours = results
        self.assertEqual((refuses["status"], ours["status"]), ("unsupported", "ok"))
        self.assertIn("status 3", dies["reason"])
        self.assertIn("2 s", hangs["reason"])
        self.assertIn("JSON", babbles["reason"])
        text = table.layer_block(LAYER, results, 100.0)
        self.assertIn("unsupported: no such convolution", text)
        table.summary(results)
        table.markdown(results)

    def test_peers_are_stopped_when_not_asked(self):
        columns = [self.column("convoy", "good", 20), self.column("other", "good", 30)]
        self.results(*columns)
        for peer in self.peers:
            self.assertEqual(self.state(peer), "T")

    def state(self, peer):
        """The process's state as Linux names it; T is stopped. Waits a while for T."""
        for _ in range(200):
            with open(f"/proc/{peer.process.pid}/stat", encoding="utf-8") as file:
                state = file.read().rpartition(")")[2].split()[0]
            if state == "T":
                break
            time.sleep(0.01)
        return state

    def test_results_are_json(self):
        results = self.results(self.column("convoy", "good", 20), self.column("x", "lost", 1))
        measure.rate_peaks(results, [{"threads": 2, "gflops_before": 1.0, "gflops_after": None}])
        self.assertEqual(json.loads(json.dumps(results, allow_nan=False)), results)
        self.assertAlmostEqual(results[0]["peak_fraction"], results[0]["effective_gflops"])


class CommandLine(unittest.TestCase):
    def test_commas_of_paddings_stay(self):
        self.assertEqual(
            main.split_layers("core,n1c8h8w8_k8r3s3_pd0,1,0,1_st2,n1c1h1w1_k1r1s1"),
            ["core", "n1c8h8w8_k8r3s3_pd0,1,0,1_st2", "n1c1h1w1_k1r1s1"],
        )

    def test_unknown_engine_is_refused(self):
        with self.assertRaises(SystemExit):
            main.parse(["--layers=core", "--engines=nonesuch"])


if __name__ == "__main__":
    unittest.main()
