#!/usr/bin/env python3
"""Measures wskt beside its peers and the floor; prints tables in Markdown.

    benches/run.py [--rounds N] [--only REGEX] [--clients REGEX]
                   [--no-peers] [--no-counts] [--no-time] [--targets] [--out FILE]

make bench installs the peers, builds everything and runs it all."""

import argparse
import concurrent.futures
import re
import statistics
import sys
from dataclasses import dataclass

import build
import report
from measure import Counter, Failed, Server, run
from workloads import WORKLOADS, takes_part


@dataclass
class Result:
    seconds: float = 0.0
    cpu: float = 0.0
    rss_kib: float = 0.0
    server_busy: float = 0.0
    counts: tuple | None = None


def complain(problem):
    print(f"bench: {problem}", file=sys.stderr)


def time_rounds(workload, clients, server, rounds):
    """Medians over rounds in which every client has its turn."""
    samples = {client.name: [] for client in clients}
    for _ in range(rounds):
        for client in clients:
            if samples[client.name] is None:
                continue
            before = server.stats()["cpu_us"]
            try:
                sample = run(client, workload, server, workload.count)
            except Failed as failed:
                complain(failed)
                sample = None
            if sample is None:
                samples[client.name] = None
                continue
            sample["server"] = (server.stats()["cpu_us"] - before) / 1e6
            samples[client.name].append(sample)
    results = {}
    for name, all_of in samples.items():
        if all_of:
            def median(key, all_of=all_of):
                return statistics.median(sample[key] for sample in all_of)
            seconds = median("seconds")
            results[name] = Result(seconds, median("cpu"), median("rss_kib"),
                                   min(1.0, median("server") / seconds))
    return results


def count_all(workload, clients, server, counter):
    """Counts by client; two at a time, for they do not disturb each other."""
    def one(client):
        try:
            return client.name, counter.per_message(client, workload, server)
        except Failed as failed:
            complain(failed)
            return client.name, None
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(pool.map(one, clients))


def measure(workload, clients, server, counter, options):
    taking_part = [client for client in clients if takes_part(client, workload)]
    if options.no_time:
        results = {client.name: Result() for client in taking_part}
    else:
        results = time_rounds(workload, taking_part, server, options.rounds)
    if counter is not None:
        able = [client for client in taking_part if client.name in results]
        for name, counts in count_all(workload, able, server, counter).items():
            results[name].counts = counts
    return results


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="REGEX", help="workloads")
    parser.add_argument("--clients", default="", metavar="REGEX")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--no-counts", action="store_true")
    parser.add_argument("--no-time", action="store_true", help="counts only")
    parser.add_argument("--targets", action="store_true", help="only the table of targets")
    parser.add_argument("--out", metavar="FILE", help="write there too")
    return parser.parse_args()


def main():
    options = parse()
    clients = build.own_clients() + ([] if options.no_peers else [*build.peers()])
    clients = [client for client in clients if re.search(options.clients, client.name)]
    workloads = [workload for workload in WORKLOADS if re.search(options.only, workload.id)]
    counter = None if options.no_counts else Counter()
    lines = [*report.machine(), f"- {options.rounds} rounds"]
    if counter is not None:
        lines[-1] += f"; {counter.tools()}"
    lines.append("")
    all_results = {}
    tables = []
    with Server(build.server()) as server:
        for workload in workloads:
            print(f"bench: {workload.title}", file=sys.stderr)
            results = measure(workload, clients, server, counter, options)
            all_results[workload.id] = results
            tables += report.workload_table(workload, results)
    lines += report.targets_table(workloads, all_results)
    if not options.targets:
        lines += tables
    text = "\n".join(lines)
    print(text)
    if options.out:
        with open(options.out, "w") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
