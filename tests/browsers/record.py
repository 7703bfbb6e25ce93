#!/usr/bin/env python3
"""Runs the scenarios of scenarios.json in real browsers, headless, against the
scripted server, and stores what they did in chromium.json and firefox.json.

record.py --server PROGRAM [--browser chromium|firefox]... [--only ID]...
          [--install] [--once] [--add] [--out DIR]

--server is the example wskt-server; --install fetches missing browsers by apt.
Each browser runs twice and the two logs must be the same (--once: does not).
With --only nothing is stored and the logs are printed. --add runs only what the
stored files lack, with the very versions of the browsers that they name.

The browsers run beside each other. A scenario with a wait has a browser of its
own, because a connection that is not open yet holds up the others of its address.
"""
import argparse
import base64
import concurrent.futures
import hashlib
import http.server
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
# For the scenarios that do not wait, all together, and for a browser's start and end.
LIMIT = 240
PACKAGES = {"chromium": "chromium", "firefox": "firefox-esr"}
# Keeps Firefox from calling home and from delaying connections after failures.
FIREFOX_PREFS = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "captivedetect.canonicalURL": "",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.security.https_first": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.websocket.delay-failed-reconnects": False,
    "network.websocket.max-connections": 400,
    "services.settings.server": "data:,#",
    "toolkit.telemetry.enabled": False,
}


class Server:
    """The scripted server; `ports` is its line of JSON."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, "--seconds", "7200"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Page(http.server.ThreadingHTTPServer):
    """Serves the page and the scenarios and takes the logs."""

    def __init__(self, setup):
        super().__init__(("127.0.0.1", 0), PageHandler)
        self.setup = json.dumps(setup).encode()
        self.results = queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class PageHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        files = {"/": ("page.html", "text/html"), "/runner.js": ("runner.js", "text/javascript")}
        if self.path == "/setup":
            self.answer(self.server.setup, "application/json")
        elif self.path in files:
            name, kind = files[self.path]
            self.answer((HERE / name).read_bytes(), kind)
        else:
            self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"", "text/plain")
        self.server.results.put((self.path, body))

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


# --- the certificate of the server, for the browsers --------------------------

def der_items(der):
    """The elements inside a DER element, each with its header."""
    def span(at):
        length, head = der[at + 1], 2
        if length & 0x80:
            head += length & 0x7F
            length = int.from_bytes(der[at + 2:at + head], "big")
        return head, head + length
    at, items = span(0)[0], []
    while at < len(der):
        size = span(at)[1]
        items.append(der[at:at + size])
        at += size
    return items


def public_key(certificate):
    """The SubjectPublicKeyInfo of a certificate."""
    fields = der_items(der_items(certificate)[0])
    return fields[6]  # version, serial, algorithm, issuer, validity, subject, key


# --- the browsers --------------------------------------------------------------

def chromium(program, profile, page, port, certificate):
    key = base64.b64encode(hashlib.sha256(public_key(certificate)).digest()).decode()
    return [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", f"--ignore-certificate-errors-spki-list={key}",
            f"--user-data-dir={profile}", page]


def firefox(program, profile, page, port, certificate):
    prefs = "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in FIREFOX_PREFS.items())
    pathlib.Path(profile, "user.js").write_text(prefs)
    digest = hashlib.sha256(certificate).hexdigest().upper()
    shown = ":".join(digest[i:i + 2] for i in range(0, len(digest), 2))
    pathlib.Path(profile, "cert_override.txt").write_text(
        f"127.0.0.1:{port}:\tOID.2.16.840.1.101.3.4.2.1\t{shown}\t\n")
    return [program, "--headless", "--no-remote", "--profile", profile, page]


COMMANDS = {"chromium": chromium, "firefox": firefox}


def find(browser, install):
    package = PACKAGES[browser]
    program = shutil.which(package) or shutil.which(browser)
    if program is None and install:
        subprocess.run(["apt-get", "-q", "update"], check=True, timeout=600)
        subprocess.run(["apt-get", "-q", "install", "-y", "--no-install-recommends", package],
                       check=True, timeout=1800)
        program = shutil.which(package)
    if program is None:
        sys.exit(f"no {browser} here; apt-get install {package}, or give --install")
    return program


def version(program):
    """Name and version alone, without what the distribution adds."""
    line = subprocess.run([program, "--version"], check=True, timeout=60, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return re.search(r"(Chromium|Firefox) \S+", line).group()


def run(browser, program, server, scenarios, turn):
    """The logs of all scenarios: one start of a browser, and one for each that waits."""
    parts = [[s for s in scenarios if "wait" not in s]] + [[s] for s in scenarios if "wait" in s]
    with concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
        runs = [pool.submit(run_part, browser, program, server, part, turn) for part in parts if part]
        return {name: log for one in runs for name, log in one.result().items()}


def run_part(browser, program, server, scenarios, turn):
    """The logs of some scenarios from one start of a browser."""
    page = Page({"ports": server.ports, "scenarios": scenarios, "run": f"{browser}-{turn}"})
    profile = tempfile.mkdtemp(prefix="wskt-browser-")
    port = server.ports["wss"]
    certificate = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))
    command = COMMANDS[browser](program, profile, page.url(), port, certificate)
    environment = dict(os.environ, HOME=profile)  # nothing of it outlives the profile
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True, env=environment)
    limit = LIMIT + max(s.get("wait", 0) for s in scenarios)
    try:
        path, body = page.results.get(timeout=limit)
    except queue.Empty:
        path, body = "/failed", f"nothing came from {browser} within {limit} s".encode()
    finally:
        end(process)
        page.shutdown()
        page.server_close()
        shutil.rmtree(profile, ignore_errors=True)
    if path != "/logs":
        raise RuntimeError(body.decode())
    return json.loads(body)


def end(process):
    """Ends a browser: the group of processes that began with ours."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            pass


def unstable(first, second):
    changed = [name for name in first if first[name] != second.get(name)]
    for name in changed:
        print(f"{name}: two runs differ")
        for title, lines in (("first", first[name]), ("second", second.get(name))):
            print(f"  {title}:")
            print("".join(f"    {line}\n" for line in lines or []), end="")
    return changed


def stored(args, browser):
    """What is in the file of a browser, if new logs are added to it."""
    path = pathlib.Path(args.out, f"{browser}.json")
    return json.loads(path.read_text()) if args.add else {"logs": {}}


def record(args, browser, scenarios):
    """Records a browser; whether its two runs differ."""
    program = find(browser, args.install)
    name, kept = version(program), stored(args, browser)
    if args.add and kept["browser"] != name:
        raise RuntimeError(f"{browser}.json is of {kept['browser']}, here is {name}: record it all")
    logs, differ = kept["logs"], False
    wanted = [s for s in scenarios if s["id"] not in logs]
    server = Server(args.server)
    try:
        new = run(browser, program, server, wanted, 1)
        if not args.once and not args.only:
            differ = bool(unstable(new, run(browser, program, server, wanted, 2)))
    finally:
        server.stop()
    if args.only:
        print(browser, json.dumps(new, indent=1))
        return differ
    logs.update(new)
    ordered = {s["id"]: logs[s["id"]] for s in scenarios}
    text = json.dumps({"browser": name, "logs": ordered}, indent=1)
    pathlib.Path(args.out, f"{browser}.json").write_text(text + "\n")
    print(f"{name}: {len(new)} scenarios recorded of {len(ordered)}")
    return differ


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--browser", action="append", choices=sorted(COMMANDS))
    parser.add_argument("--only", action="append")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--out", default=str(HERE))
    args = parser.parse_args()
    scenarios = json.loads((HERE / "scenarios.json").read_text())["scenarios"]
    if args.only:
        scenarios = [s for s in scenarios if s["id"] in args.only]
    browsers = args.browser or sorted(COMMANDS)
    for browser in browsers:
        find(browser, args.install)  # apt does one thing at a time
    with concurrent.futures.ThreadPoolExecutor(len(browsers)) as pool:
        runs = [pool.submit(record, args, browser, scenarios) for browser in browsers]
    return 1 if any([run.result() for run in runs]) else 0


if __name__ == "__main__":
    sys.exit(main())
