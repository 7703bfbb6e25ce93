"""Runs the server and the clients, and counts what they do."""

import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile

UNSUPPORTED = 3
LIMIT = 300  # seconds for one client


class Server:
    """bench-server in a process of its own, on the last CPU or on the clients'."""

    def __init__(self, program, beside=True):
        self.directory = tempfile.TemporaryDirectory(prefix="wskt-bench-")
        self.ca = os.path.join(self.directory.name, "ca.pem")
        cpu = (max if beside else min)(os.sched_getaffinity(0))
        self.process = subprocess.Popen(
            [program, self.ca, str(cpu)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ports = json.loads(self.process.stdout.readline())
        self.group = os.getpid() * 1000

    def port(self, scheme):
        return self.ports[scheme]

    def new_group(self):
        self.group += 1
        return self.group

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Failed(Exception):
    pass


def environment(client, server):
    """No system certificates: loading them takes longer than the work."""
    return os.environ | dict(client.environment) | {
        "BENCH_CA": server.ca,
        "SSL_CERT_FILE": server.ca,
        "SSL_CERT_DIR": "/nonexistent",
        "PYTHONHASHSEED": "0",
    }


def first_cpu():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def run(client, workload, server, count, prefix=(), pinned=True):
    """What the client printed, or None if it has no such workload."""
    command = [*prefix, *client.command, *workload.arguments(server, count)]
    try:
        done = subprocess.run(
            command, env=environment(client, server), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=LIMIT, preexec_fn=first_cpu if pinned else None,
        )
    except subprocess.TimeoutExpired as slow:
        raise Failed(f"{client.name}, {workload.id}: longer than {LIMIT} s") from slow
    if done.returncode == UNSUPPORTED:
        return None
    if done.returncode != 0:
        raise Failed(f"{client.name}, {workload.id}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


# -- counting ---------------------------------------------------------------

CACHEGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no",
              "--cachegrind-out-file=/dev/null")


def perf_counts(event):
    """Whether perf can count an event here: it needs the hardware or rights."""
    if shutil.which("perf") is None:
        return False
    done = subprocess.run(["perf", "stat", "-x,", "-e", event, "true"], capture_output=True, text=True)
    return done.returncode == 0 and done.stderr.split(",")[0].strip().isdigit()


# Valgrind counts each byte that "rep movsb" copies as an instruction, the CPU
# counts none but the first: under valgrind libc is to copy by loops.
COPY_BY_LOOPS = ("env", "GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=0x10000000000:"
                 "glibc.cpu.x86_rep_stosb_threshold=0x10000000000")


class Counter:
    """Instructions and system calls of a client, by the best tool there is."""

    def __init__(self, at_hand=False):
        """At hand: what the kernel can hold is there when a client reads. For a
        server on the clients' CPU, both before everything else: the one runs until
        it must wait, then the other does."""
        self.at_hand = at_hand
        self.instructions_by_perf = perf_counts("instructions:u")
        self.calls_by_perf = perf_counts("raw_syscalls:sys_enter")

    def tools(self):
        instructions = "perf stat" if self.instructions_by_perf else "valgrind --tool=cachegrind"
        calls = "perf stat" if self.calls_by_perf else "strace -c"
        return f"instructions by {instructions}, system calls by {calls}"

    def _perf(self, event, *work):
        with tempfile.NamedTemporaryFile("r") as out:
            if run(*work, prefix=("perf", "stat", "-x,", "-e", event, "-o", out.name)) is None:
                return None
            lines = [line for line in out if "," in line]
            return int(lines[0].split(",")[0])

    def instructions(self, *work):
        if self.instructions_by_perf:
            return self._perf("instructions:u", *work)
        with tempfile.NamedTemporaryFile("r") as out:
            if run(*work, prefix=(*COPY_BY_LOOPS, *CACHEGRIND, f"--log-file={out.name}"), pinned=self.at_hand) is None:
                return None
            found = re.findall(r"I\s+refs:\s+([\d,]+)", out.read())
            return int(found[-1].replace(",", ""))

    def calls(self, *work):
        if self.calls_by_perf:
            return self._perf("raw_syscalls:sys_enter", *work)
        with tempfile.NamedTemporaryFile("r") as out:
            if run(*work, prefix=("strace", "-f", "-c", "-o", out.name)) is None:
                return None
            total = [line.split() for line in out if line.strip().endswith("total")]
            return int(total[-1][-3] if len(total[-1]) > 4 else total[-1][-2])



    def per_message(self, client, workload, server, calls_only=False):
        """Instructions and system calls of one message, or None."""
        if workload.counted == 0:
            return None
        few = client.counted(workload)
        many = 2 * few
        both = []
        for tool in (self.instructions, self.calls):
            if calls_only and tool == self.instructions:
                both.append(None)
                continue
            medians = []
            for count in (few, many):
                repeats = 1 if self.at_hand else workload.repeats
                found = [tool(client, workload, server, count) for _ in range(repeats)]
                if None in found:
                    return None
                medians.append(statistics.median(found))
            both.append((medians[1] - medians[0]) / (many - few))
        return tuple(both)
