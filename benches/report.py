"""The tables, as Markdown."""

import os
import platform
import subprocess

import build
from workloads import IDLE_TARGETS, TARGETS, TIME_TARGETS

DOCUMENT = os.path.join(build.ROOT, "docs", "PERFORMANCE.md")


def plain(number):
    """Three digits are enough, and more than 100 needs no fraction."""
    if number is None or number < 0:  # a difference that is lost in noise
        return "–"
    if abs(number) >= 99.5:
        return f"{number:,.0f}"
    if abs(number) >= 9.95:
        return f"{number:.1f}"
    return f"{number:.2f}"


def ratio(value, base):
    return plain(value / base) if value and base else "–"


def busy(result):
    """How much of its time a client was at work: the rest it waited."""
    return f"{min(1.0, result.cpu / result.seconds):.0%}" if result.seconds else "–"


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return "?"


def machine():
    """The lines that say what it ran on."""
    cpu = "?"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return [
        f"- {os.cpu_count()} × {cpu}, Linux {platform.release()}",
        f"- {output_of('cc', '--version').splitlines()[0]}, {output_of('rustc', '--version')}, "
        f"{output_of('openssl', 'version').split(' (')[0]}",
    ]


def origin(results):
    """Which runs the numbers are of."""
    for what in ("counted", "timed"):
        runs = {}
        for by_client in results.values():
            for name, result in by_client.items():
                if getattr(result, what):
                    who = "peers" if is_peer(name) else "wskt and raw"
                    runs.setdefault(getattr(result, what), set()).add(who)
        for run, who in sorted(runs.items()):
            yield f"- {what} {run}: {' and '.join(sorted(who))}"


def into_document(parts):
    """Puts tables between <!-- NAME --> and <!-- end --> of docs/PERFORMANCE.md."""
    with open(DOCUMENT) as file:
        text = file.read()
    for name, lines in parts.items():
        begin = f"<!-- {name} -->\n"
        before, rest = text.split(begin)
        after = rest[rest.index("<!-- end -->"):]
        text = before + begin + "\n".join(["", *lines]) + after
    with open(DOCUMENT, "w") as file:
        file.write(text)


def table(head, rows):
    marks = ["---"] + ["--:"] * (len(head) - 1)
    return [f"| {' | '.join(row)} |" for row in [head, marks, *rows]] + [""]


def idle_table(workload, results):
    rows = []
    for name, result in results.items():
        each = result.rss_kib / workload.count
        opening = result.seconds / workload.count * 1e6
        rows.append([name, plain(each), plain(opening)])
    return table(["client", "KiB per connection", "µs to open one"], rows)


def workload_table(workload, results):
    if not results:
        return []
    lines = [f"### {workload.title}", "", f"`{workload.id}`", ""]
    if workload.program == "idle":
        return lines + idle_table(workload, results)
    raw = results.get("raw")
    rows = []
    at_hand = workload.comes_by_itself
    for name, result in results.items():
        counts = result.counts or (None, None)
        rows.append([
            name,
            ratio(result.seconds, raw and raw.seconds),
            plain(result.seconds / workload.count * 1e6 or None),
            ratio(result.cpu, raw and raw.cpu),
            plain(counts[0]),
            plain(counts[1]),
            *([plain(result.at_hand and result.at_hand[1])] if at_hand else []),
            busy(result),
        ])
    head = ["client", "time ÷ raw", "µs each", "CPU ÷ raw", "instructions", "system calls",
            *(["all at hand"] if at_hand else []), "client busy"]
    note = [NOTES[workload.id], ""] if workload.id in NOTES else []
    return lines + table(head, rows) + note


# What a table does not show.
NOTES = {
    "receive-64k": "libwebsockets of this version takes what a client receives byte by byte, "
                   "81 instructions each, text or not.",
    "receive-1m": "raw reads into 128 KiB again and again, which stay in the cache; every other "
                  "client hands over the whole message.",
    "openclose": "raw and fastwebsockets make no handshake of their own: a ready-made request is "
                 "sent, and of the answer little more than its end is looked at. The others make "
                 "a key and check the answer. libwebsockets does not wait until the server has "
                 "closed TCP (RFC 6455, 7.1.1). Neither is a best peer above.",
}


def is_peer(name):
    return not name.startswith(("raw", "wskt "))


def best_peer(results):
    counted = [(r.counts[0], name, r.counts[1]) for name, r in results.items()
               if is_peer(name) and r.counts and r.counts[0]]
    if not counted:
        return "–"
    instructions, name, calls = min(counted)
    return f"{name} {plain(instructions)}/{plain(calls)}"


# Peers that leave out a part of the work.
LESS_WORK = {"openclose": {"fastwebsockets", "libwebsockets"}}


def least(workload, results, of, value):
    """The least of a kind of client, and whose it is."""
    less = LESS_WORK.get(workload.id, ())
    found = [(value(result), name) for name, result in results.items()
             if of(name) and name not in less and value(result)]
    return min(found, default=(None, ""))


def beside_table(workloads, all_results):
    """The best way of wskt and the best peer, work by work."""
    def instructions(result):
        counts = result.at_hand or result.counts
        return counts[0] if counts and (counts[0] or 0) > 0 else None

    def calls(result):
        counts = result.at_hand or result.counts
        # A difference below nothing is lost in noise.
        return max(counts[1], 0.0001) if counts and counts[1] > -0.01 else None

    rows = []
    for workload in workloads:
        results = all_results.get(workload.id, {})
        raw = results.get("raw")
        if workload.program == "idle" or not results:
            continue
        row = [workload.title]
        for value in instructions, calls, lambda result: result.seconds:
            ours, way = least(workload, results, lambda name: name.startswith("wskt "), value)
            theirs, peer = least(workload, results, is_peer, value)
            base = raw.seconds if raw and value not in (instructions, calls) else 1
            show = (lambda number, base=base: ratio(number, base) if number else "–")
            row += [f"{show(ours)} {way.removeprefix('wskt ')}", f"{show(theirs)} {peer}"]
        rows.append(row)
    head = ["work", "instructions", "best peer", "system calls", "best peer", "time ÷ raw", "best peer"]
    return table(head, rows)


def verdict(value, limit):
    return value is None or limit is None or value <= limit * 1.03


def targets_table(workloads, all_results):
    """wskt against its targets, row by row."""
    rows = []
    for workload in workloads:
        results = all_results.get(workload.id, {})
        for name, result in results.items():
            target = TARGETS.get((workload.id, name))
            if target is None or result.counts is None:
                continue
            # What a flood takes depends on the server's pace, too.
            at_hand = result.at_hand or result.counts
            met = verdict(at_hand[0], target[0]) and verdict(at_hand[1], target[1])
            beside = f" ({plain(at_hand[0])}/{plain(at_hand[1])})" if result.at_hand else ""
            raw = results.get("raw")
            rows.append([
                workload.title, name.removeprefix("wskt "),
                f"{plain(result.counts[0])}/{plain(result.counts[1])}{beside}",
                f"{plain(target[0])}/{plain(target[1])}",
                "yes" if met else "**no**",
                ratio(result.seconds, raw and raw.seconds), plain(TIME_TARGETS.get(workload.id)),
                best_peer(results),
                "/".join(map(plain, raw.counts)) if raw and raw.counts else "–",
            ])
        target = IDLE_TARGETS.get(workload.id)
        if target and "wskt loop" in results:
            each = {name: r.rss_kib / workload.count for name, r in results.items()}
            others = [(value, name) for name, value in each.items() if is_peer(name)]
            rows.append([
                workload.title + ", KiB each", "loop", plain(each["wskt loop"]), plain(target),
                "yes" if verdict(each["wskt loop"], target) else "**no**", "–", "–",
                f"{min(others)[1]} {plain(min(others)[0])}" if others else "–",
                plain(each.get("raw")),
            ])
    head = ["work", "way", "wskt", "target", "met", "time ÷ raw", "target", "best peer", "raw"]
    return table(head, rows)
