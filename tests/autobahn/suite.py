#!/usr/bin/env python3
"""Runs the Autobahn fuzzing server and a client against it, and prints the
results as a table by category with every case that is not OK.

suite.py --wstest PROGRAM --client PROGRAM --out DIR [--cases "1.* 7.9.3"]
         [--way WAY] [--limit SECONDS]

The exit status is 1 if a case failed or is missing, 2 if the run itself did.
"""
import argparse
import collections
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

AGENT = "wskt"
# The cases that are INFORMATIONAL for every client; all others are OK in both
# columns, or fail the run.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(wstest, cases, out, log):
    """Starts the server and returns it and its URL once it listens."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    spec = os.path.join(out, "spec.json")
    with open(spec, "w") as file:
        json.dump({"url": url, "outdir": os.path.join(out, "reports"),
                   "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}}, file)
    server = subprocess.Popen([wstest, "-m", "fuzzingserver", "-s", spec],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    try:
        await_start(server, port, log)
    except BaseException:
        stop(server)
        raise
    return server, url


def await_start(server, port, log):
    deadline = time.monotonic() + 60
    seen = b""
    while b"listening on %d\n" % port not in seen:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([server.stdout], [], [], left)[0]:
            raise RuntimeError(f"the fuzzing server does not start: {seen.decode()}")
        piece = os.read(server.stdout.fileno(), 65536)
        if not piece:
            raise RuntimeError(f"the fuzzing server ended: {seen.decode()}")
        seen += piece
    log.write(seen)
    threading.Thread(target=shutil.copyfileobj, args=(server.stdout, log), daemon=True).start()


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run_client(args, url):
    """Runs all cases; the number of them, or None if the client failed."""
    command = [args.client, "--url", url, "--agent", AGENT, "--way", args.way]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              timeout=args.limit)
    except subprocess.TimeoutExpired:
        print(f"the client was not done after {args.limit} s")
        return None
    if done.returncode != 0:
        print(f"the client ended with {done.returncode}")
        return None
    return int(done.stdout.split()[0])


def ordered(case):
    return [int(part) for part in case.split(".")]


def counts(counter):
    return ", ".join(f"{number} {name}" for name, number in sorted(counter.items()))


def table(cases):
    rows = collections.defaultdict(lambda: (collections.Counter(), collections.Counter()))
    for name, case in cases.items():
        for key in (int(name.split(".")[0]), 1000):
            rows[key][0][case["behavior"]] += 1
            rows[key][1][case["behaviorClose"]] += 1
    print(f"{'category':>8} {'cases':>5}  behavior | closing")
    for key, (behavior, closing) in sorted(rows.items()):
        label = "all" if key == 1000 else key
        print(f"{label:>8} {sum(behavior.values()):>5}  {counts(behavior)} | {counts(closing)}")


def exceptions(cases, folder):
    """Lists what is not OK; returns how many of them fail the run."""
    bad, lines = 0, []
    for name in sorted(cases, key=ordered):
        case = cases[name]
        if case["behavior"] == case["behaviorClose"] == "OK":
            continue
        verdicts = {case["behavior"], case["behaviorClose"]} - {"OK"}
        fails = name not in INFORMATIONAL or verdicts != {"INFORMATIONAL"}
        bad += fails
        try:
            with open(os.path.join(folder, case["reportfile"])) as file:
                report = json.load(file)
        except OSError:  # the client ended early
            report = {"result": "", "resultClose": ""}
        lines.append(f"  {'*' if fails else ' '} {name}: {case['behavior']}, closing {case['behaviorClose']}, "
                     f"code {case['remoteCloseCode']}: {report['result'][:120]} / {report['resultClose'][:100]}")
    if lines:
        print("\nnot OK in both columns (* fails the run):")
        print("\n".join(lines))
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wstest", required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--cases", default="*")
    parser.add_argument("--way", default="blocking")
    parser.add_argument("--limit", type=float, default=1800)
    args = parser.parse_args()
    shutil.rmtree(args.out, ignore_errors=True)
    os.makedirs(args.out)
    patterns = ["*"] if args.cases == "all" else args.cases.split()
    with open(os.path.join(args.out, "server.log"), "wb", buffering=0) as log:
        server, url = start_server(args.wstest, patterns, args.out, log)
        begin = time.monotonic()
        try:
            number = run_client(args, url)
        finally:
            seconds = time.monotonic() - begin
            stop(server)
    folder = os.path.join(args.out, "reports")
    try:
        with open(os.path.join(folder, "index.json")) as file:
            cases = json.load(file)[AGENT]
    except (OSError, KeyError):
        print(f"no reports; see {args.out}/server.log")
        return 2
    print(f"Autobahn TestSuite, {args.way} way, {seconds:.1f} s; reports in {folder}\n")
    table(cases)
    bad = exceptions(cases, folder)
    if number is None or number != len(cases):
        print(f"\n{number} cases were to run, {len(cases)} have a report")
        return 2
    print(f"\n{bad} of {number} cases failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
