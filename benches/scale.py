#!/usr/bin/env python3
"""Ten thousand sockets on one thread: benches/scale.py [MINUTES [SOCKETS]].

Opening beside a raw loop; an echo a second on each socket for MINUTES; what a
turn costs with more sockets open. Fails on loss or growth; make scale runs it."""

import dataclasses
import json
import os
import statistics
import subprocess
import sys

import build
import report
from measure import Counter, Server, first_cpu
from workloads import WORKLOADS

ROUNDS = 5


def lines_of(*command, limit=600):
    """The lines of JSON that a program prints while it runs."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            yield json.loads(line)
        if process.wait(limit) != 0:
            sys.exit(f"scale: {os.path.basename(command[0])} failed")
    finally:
        if process.poll() is None:
            process.kill()


def opening(server, scale, raw_open, count):
    """Medians of rounds, one after the other."""
    floor, ours = [], []
    for _ in range(ROUNDS):
        floor.append(next(lines_of(raw_open, server.port("ws"), count)))
        ours.append([*lines_of(scale, server.port("ws"), count, 0)][0])
    def median(samples, key):
        return statistics.median(sample[key] for sample in samples)
    def row(name, samples):
        seconds, cpu = median(samples, "seconds"), median(samples, "cpu")
        return [name, report.plain(seconds), report.plain(cpu),
                report.plain(seconds / median(floor, "seconds")),
                report.plain(cpu / median(floor, "cpu"))]
    print(f"### Opening {count:,} sockets\n")
    rows = [row("raw", floor), row("wskt", ours)]
    print("\n".join(report.table(["", "seconds", "CPU seconds", "time ÷ raw", "CPU ÷ raw"], rows)))
    print(f"wskt: {max(sample['threads'] for sample in ours)} thread, "
          f"{median(ours, 'kib_each'):.2f} KiB of resident memory for each open socket.\n", flush=True)


def echoing(server, scale, count, minutes):
    print(f"### {count:,} sockets, each an echo a second, {minutes} minutes\n")
    rows = []
    for step in lines_of(scale, server.port("ws"), count, minutes * 60):
        if step["step"] == "echo":
            rows.append([f"{step['minute']}", f"{step['sent']:,}", f"{step['sent'] - step['received']:,}",
                         f"{step['late']:,}", f"{step['p50_us']:,}", f"{step['p99_us']:,}",
                         f"{step['max_us']:,}", f"{step['rss_kib']:,}"])
            print("minute", *rows[-1], file=sys.stderr)
        elif step["step"] == "close":
            closing = step
    head = ["minute", "sent", "under way", "late", "p50 µs", "p99 µs", "max µs", "RSS KiB"]
    print("\n".join(report.table(head, rows)))
    print(f"Nothing was lost; all {closing['count']:,} ended clean, in {closing['seconds']:.1f} s.\n", flush=True)


def turns(server, wskt):
    """One socket ready at a time, of ever more."""
    print("### What a turn costs\n")
    fan = next(workload for workload in WORKLOADS if workload.id == "fan")
    counter = Counter()
    rows = []
    # Opening differs a little from run to run: more turns for more sockets.
    for connections, counted in ((100, 5_000), (1_000, 10_000), (10_000, 200_000)):
        workload = dataclasses.replace(fan, connections=connections, counted=counted)
        instructions, calls = counter.per_message(wskt, workload, server)
        rows.append([f"{connections:,}", report.plain(instructions), report.plain(calls)])
    print("\n".join(report.table(["sockets open, one ready", "instructions", "system calls"], rows)))


def main():
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    clients = {client.name: client for client in build.own_clients()}
    lib = build.library_dir()
    link = [*build.STRICT, "-I", os.path.join(build.ROOT, "include"), "-L", lib, "-lwskt",
            f"-Wl,--disable-new-dtags,-rpath,{lib}"]
    scale = build.compile("scale", ["scale/scale.c"], link)
    raw_open = build.compile("raw_open", ["scale/raw_open.c"], build.STRICT)
    with Server(build.server()) as server:
        # The server has the last: on one CPU with it a client waits for its turn.
        first_cpu()
        opening(server, scale, raw_open, count)
        echoing(server, scale, count, minutes)
        turns(server, clients["wskt loop"])


if __name__ == "__main__":
    main()
