#!/usr/bin/env python3
"""What larger reads cost: benches/read_sizes.py [ROUNDS], as root.

The floor receives messages of 64 KiB and asks the kernel for more or less at a
time; server and client run before everything else."""

import dataclasses
import statistics
import sys

import build
import report
from measure import Server, run
from run import real_time
from workloads import WORKLOADS

SIZES = (32, 64, 128, 256, 512, 1024, 2048, 4096)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    raw = build.own_clients()[0]
    workload = next(workload for workload in WORKLOADS if workload.id == "receive-64k")
    program = build.server()
    real_time(True)
    samples = {size: [] for size in SIZES}
    with Server(program) as server:
        for _ in range(rounds):
            for size in SIZES:
                client = dataclasses.replace(raw, environment=(("RAW_READ_KIB", str(size)),))
                samples[size].append(run(client, workload, server, workload.count))
    rows = []
    for size, found in samples.items():
        seconds, cpu = (statistics.median(one[key] for one in found) for key in ("seconds", "cpu"))
        each = [report.plain(value / workload.count * 1e6) for value in (seconds, cpu)]
        rows.append([f"{size}", *each])
    print("\n".join(report.table(["KiB at a time", "µs each", "CPU µs each"], rows)))


if __name__ == "__main__":
    main()
