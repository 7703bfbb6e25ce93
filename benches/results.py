"""What was measured, kept between runs in build/bench/results.json."""

import datetime
import fcntl
import json
import os
import subprocess
from dataclasses import asdict, dataclass

import build

FILE = os.path.join(build.OUT, "results.json")


@dataclass
class Result:
    """One client at one workload. Fields that a run did not measure stay."""

    seconds: float = 0.0
    cpu: float = 0.0
    rss_kib: float = 0.0
    counts: tuple | None = None
    at_hand: tuple | None = None  # counts where everything is at hand
    timed: str = ""  # when, at which commit, how many rounds
    counted: str = ""


def now():
    commit = subprocess.run(["git", "-C", build.ROOT, "describe", "--always", "--dirty"],
                            capture_output=True, text=True)
    return f"{datetime.date.today()} at {commit.stdout.strip() or 'no commit'}"


def store(workload, results, options):
    """Adds to what is stored; two runs may do so at once."""
    with open(FILE, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        everything = json.loads(file.read() or "{}")
        known = everything.setdefault(workload.id, {})
        for name, result in results.items():
            fields = asdict(result)
            counts = {key: fields.pop(key) for key in ("counts", "counted")}
            at_hand = {"at_hand": fields.pop("at_hand")}
            measured = {} if options.no_time else fields
            if counts["counts"]:
                measured |= counts
            if at_hand["at_hand"] is not None:
                measured |= at_hand
            known[name] = known.get(name, {}) | measured
        file.truncate(0)
        file.write(json.dumps(everything, indent=1))


def restore(workloads, clients):
    """What is stored, in the order of the lists."""
    with open(FILE) as file:
        everything = json.load(file)
    return {
        workload.id: {
            client.name: Result(**everything[workload.id][client.name])
            for client in clients
            if any(everything[workload.id].get(client.name, {}).values())
        }
        for workload in workloads
        if workload.id in everything
    }
