"""One peer process: started once, asked line by line, and stopped while another one runs."""

import ctypes
import json
import os
import select
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1


class PeerDied(Exception):
    """The process ended, said nothing in time, or spoke another language."""


def _die_with_parent():
    """A stopped process would otherwise stay for ever when the coordinator is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Peer:
    def __init__(self, name, command, environment, log_path):
        self.name = name
        self.command = command
        self.environment = environment
        self.log_path = log_path
        self.process = None
        self.version = ""
        self.variants = []

    def start(self, timeout=30.0):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.pending = b""
        greeting = self._read(timeout)
        if greeting.get("protocol") != 1:
            self.close()
            raise PeerDied(f"{self.name} greets with {greeting}, not with protocol 1")
        self.version = greeting.get("version", "")
        self.variants = greeting["variants"]
        self._signal(signal.SIGSTOP)

    def ask(self, request, timeout):
        """The answer to a request line; PeerDied if there is none. All other peers are stopped."""
        if self.process is None:
            self.start()
        self._signal(signal.SIGCONT)
        try:
            self.process.stdin.write(request.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.close()
            raise PeerDied(f"{self.name} ended before it was asked; see {self.log_path}") from None
        answer = self._read(timeout)
        self._signal(signal.SIGSTOP)
        return answer

    def close(self):
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
            self.process = None

    def _signal(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _read(self, timeout):
        """One line of JSON. On any failure the process is ended, to be started anew."""
        until = time.monotonic() + timeout
        out = self.process.stdout.fileno()
        while b"\n" not in self.pending:
            left = until - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                self.close()
                raise PeerDied(f"no answer within {timeout:.0f} s")
            block = os.read(out, 65536)
            if not block:
                code = self.process.wait()
                self.close()
                raise PeerDied(f"{self._end(code)}; see {self.log_path}")
            self.pending += block
        line, _, self.pending = self.pending.partition(b"\n")
        try:
            return json.loads(line)
        except ValueError:
            self.close()
            raise PeerDied(f"the answer is no JSON: {line[:80]!r}") from None

    @staticmethod
    def _end(code):
        if code < 0:
            return f"the process died of {signal.Signals(-code).name}"
        return f"the process ended with status {code}"
