"""Plays a dialogue with a program on a terminal of its own.

terminal.py STEPS PROGRAM ARGUMENT...

STEPS is JSON: a list of ["see", TEXT] (wait until the terminal has shown it
since the last step), ["type", KEYS], ["get", URL] (a control request of the
scripted server) and ["input", "none"] as the first one (standard input is not
the terminal). Then the program has to end; what was shown goes to standard
output, and its exit status is passed on.
"""
import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
import urllib.request

LIMIT = 40


class Terminal:
    def __init__(self, argv, has_input):
        self.master, slave = pty.openpty()
        self.program = subprocess.Popen(
            argv,
            stdin=slave if has_input else subprocess.DEVNULL,
            stdout=slave if has_input else subprocess.DEVNULL,
            stderr=slave,
            start_new_session=True,
            # The terminal's Ctrl-C reaches the session it belongs to.
            preexec_fn=lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.shown = b""
        self.passed = 0

    def read(self, until):
        ready, _, _ = select.select([self.master], [], [], max(0, until - time.monotonic()))
        if not ready:
            self.program.kill()
            sys.exit(f"nothing more came: {self.shown!r}")
        try:
            some = os.read(self.master, 65536)
        except OSError:  # nobody holds the other side any more
            some = b""
        self.shown += some
        return some

    def see(self, text):
        until = time.monotonic() + LIMIT
        while text not in self.shown[self.passed :]:
            if not self.read(until):
                sys.exit(f"it ended before {text!r}: {self.shown!r}")
        self.passed = self.shown.index(text, self.passed) + len(text)

    def end(self):
        until = time.monotonic() + LIMIT
        while self.read(until):
            pass
        return self.program.wait(LIMIT)


def main(steps, argv):
    has_input = not (steps and steps[0][0] == "input")
    terminal = Terminal(argv, has_input)
    for what, text in steps if has_input else steps[1:]:
        if what == "see":
            terminal.see(text.encode())
        elif what == "type":
            os.write(terminal.master, text.encode())
        else:
            urllib.request.urlopen(text, timeout=LIMIT).read()
    status = terminal.end()
    sys.stdout.buffer.write(terminal.shown)
    sys.exit(status)


main(json.loads(sys.argv[1]), sys.argv[2:])
