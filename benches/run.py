#!/usr/bin/env python3
"""Measures wskt beside its peers and the floor; prints tables in Markdown.

    benches/run.py [--rounds N] [--only REGEX] [--clients REGEX]
                   [--no-peers] [--no-counts] [--calls-only] [--no-time] [--targets]
                   [--real-time] [--at-hand] [--add] [--print] [--out FILE] [--doc]

make bench installs the peers, builds everything and runs it all. What was
measured stays in build/bench/results.json; with --add a run replaces only what
it measures, and prints all; with --print it measures nothing. --doc puts the
tables into docs/PERFORMANCE.md, too."""

import argparse
import concurrent.futures
import os
import re
import statistics
import sys

import build
import report
import results as kept
from measure import Counter, Failed, Server, run
from results import Result
from workloads import WORKLOADS, takes_part


def complain(problem):
    print(f"bench: {problem}", file=sys.stderr)


def time_rounds(workload, clients, server, rounds):
    """Medians over rounds in which every client has its turn."""
    samples = {client.name: [] for client in clients}
    if workload.program == "idle":
        rounds = 1  # memory is the same each time
    for _ in range(rounds):
        for client in clients:
            if samples[client.name] is None:
                continue
            try:
                sample = run(client, workload, server, workload.count)
            except Failed as failed:
                complain(failed)
                sample = None
            if sample is None:
                samples[client.name] = None
                continue
            samples[client.name].append(sample)
    results = {}
    for name, all_of in samples.items():
        if all_of:
            def median(key, all_of=all_of):
                return statistics.median(sample[key] for sample in all_of)
            results[name] = Result(median("seconds"), median("cpu"), median("rss_kib"),
                                   timed=f"{kept.now()}, {rounds} rounds")
    return results


def count_all(workload, clients, server, counter, calls_only):
    """Counts by client; two at a time, for they do not disturb each other."""
    def one(client):
        try:
            return client.name, counter.per_message(client, workload, server, calls_only)
        except Failed as failed:
            complain(failed)
            return client.name, None
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(pool.map(one, clients))


def real_time(on):
    policy = os.SCHED_FIFO if on else os.SCHED_OTHER
    if policy != os.sched_getscheduler(0):
        os.sched_setscheduler(0, policy, os.sched_param(1 if on else 0))


def count_at_hand(workload, clients, program, calls_only):
    """One at a time, for they share a CPU with the server."""
    counter = Counter(at_hand=True)
    real_time(True)
    results = {}
    with Server(program, beside=False) as server:
        for client in clients:
            try:
                counts = counter.per_message(client, workload, server, calls_only)
            except Failed as failed:
                complain(failed)
                continue
            if counts is not None:
                results[client.name] = Result(at_hand=counts)
    real_time(False)
    return results


def measure(workload, clients, server, counter, options):
    taking_part = [client for client in clients if takes_part(client, workload)]
    real_time(options.real_time)
    if options.no_time:
        results = {client.name: Result() for client in taking_part}
    else:
        results = time_rounds(workload, taking_part, server, options.rounds)
    if counter is not None:
        real_time(False)  # counts do not mind, and take long
        able = [client for client in taking_part if client.name in results]
        for name, counts in count_all(workload, able, server, counter, options.calls_only).items():
            results[name].counts = counts
            results[name].counted = kept.now()
    return results


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="REGEX", help="workloads")
    parser.add_argument("--clients", default="", metavar="REGEX")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--no-counts", action="store_true")
    parser.add_argument("--no-time", action="store_true", help="counts only")
    parser.add_argument("--calls-only", action="store_true",
                        help="system calls alone: Node.js takes minutes under valgrind")
    parser.add_argument("--real-time", action="store_true",
                        help="before everything else on this machine (SCHED_FIFO; root)")
    parser.add_argument("--at-hand", action="store_true",
                        help="only the counts of what is received in floods, with the server "
                             "on the clients' CPU (root)")
    parser.add_argument("--targets", action="store_true", help="only the table of targets")
    parser.add_argument("--add", action="store_true", help="keep what was measured before")
    parser.add_argument("--print", action="store_true", help="measure nothing")
    parser.add_argument("--doc", action="store_true", help="write docs/PERFORMANCE.md")
    parser.add_argument("--out", metavar="FILE", help="write there too")
    return parser.parse_args()


def measure_all(clients, options):
    workloads = [workload for workload in WORKLOADS if re.search(options.only, workload.id)]
    counter = None if options.no_counts else Counter()
    if not options.add and os.path.exists(kept.FILE):
        os.remove(kept.FILE)
    server_program = build.server()
    if options.at_hand:
        options.no_time = True
        for workload in filter(lambda workload: workload.comes_by_itself, workloads):
            print(f"bench: {workload.title}", file=sys.stderr)
            taking_part = [client for client in clients if takes_part(client, workload)]
            results = count_at_hand(workload, taking_part, server_program, options.calls_only)
            kept.store(workload, results, options)
        return
    real_time(options.real_time)
    with Server(server_program) as server:
        for workload in workloads:
            print(f"bench: {workload.title}", file=sys.stderr)
            results = measure(workload, clients, server, counter, options)
            kept.store(workload, results, options)


def main():
    options = parse()
    def wanted(name):
        return re.search(options.clients, name)

    every_client = build.own_clients() + ([] if options.no_peers else [*build.peers(wanted)])
    if not options.print:
        measure_all([client for client in every_client if wanted(client.name)], options)
    results = kept.restore(WORKLOADS, every_client)
    head = [*report.machine(), f"- {Counter().tools()}", *report.origin(results), ""]
    targets = report.targets_table(WORKLOADS, results)
    rows = [] if options.targets else [
        line for workload in WORKLOADS
        for line in report.workload_table(workload, results.get(workload.id, {}))
    ]
    beside = [] if options.targets else report.beside_table(WORKLOADS, results)
    text = "\n".join([*head, *targets, *beside, *rows])
    print(text)
    if options.out:
        with open(options.out, "w") as file:
            file.write(text + "\n")
    if options.doc:
        parts = {"targets": [*targets, *head], "beside": beside, "work by work": rows}
        report.into_document(parts)


if __name__ == "__main__":
    main()
