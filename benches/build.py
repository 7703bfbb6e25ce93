"""Compiles the server and the clients into build/bench of the repository."""

import glob
import os
import shlex
import subprocess
import sys

from workloads import Client, wskt

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
OUT = os.path.join(ROOT, "build", "bench")
STRICT = ["-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def library_dir():
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
    return os.path.join(os.path.abspath(target), "release")


def flags_of(packages):
    """What pkg-config says, or None if one is not here."""
    done = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True)
    return shlex.split(done.stdout) if done.returncode == 0 else None


def compile(name, sources, flags, compiler="cc"):
    """Builds OUT/name, unless it is newer than its sources and their headers."""
    program = os.path.join(OUT, name)
    paths = [os.path.join(HERE, source) for source in sources]
    directories = {os.path.dirname(path) for path in paths} | {os.path.join(HERE, "clients")}
    inputs = [os.path.join(d, f) for d in directories for f in os.listdir(d) if f.endswith(".h")]
    inputs += paths
    if "-lwskt" in flags:
        inputs.append(os.path.join(ROOT, "include", "wskt.h"))
    if os.path.exists(program) and os.path.getmtime(program) > max(map(os.path.getmtime, inputs)):
        return program
    os.makedirs(OUT, exist_ok=True)
    standard = "-std=gnu++17" if compiler == "c++" else "-std=gnu11"
    subprocess.run([compiler, standard, *paths, "-o", program, *flags], check=True)
    return program


def server():
    sources = [f"server/{name}.c" for name in ("main", "http", "frames", "flood", "system", "tls")]
    return compile("bench-server", sources, [*STRICT, "-lssl", "-lcrypto"])


def own_clients():
    """The floor, and wskt in all its ways."""
    raw = compile("raw", ["clients/raw.c"], [*STRICT, "-lssl", "-lcrypto", "-lz"])
    lib = library_dir()
    if not glob.glob(os.path.join(lib, "libwskt.so.*")):
        sys.exit(f"bench: there is no library in {lib}: run make first")
    sources = ["clients/wskt.c", "clients/wskt_blocking.c", "clients/wskt_loop.c"]
    link = ["-I", os.path.join(ROOT, "include"), "-L", lib, "-lwskt", f"-Wl,--disable-new-dtags,-rpath,{lib}", "-pthread"]
    copying = Client("raw, copying", (raw,), (("RAW_COPY", "1"),), "copying")
    return [Client("raw", (raw,)), copying, *wskt(compile("wskt", sources, [*STRICT, *link]))]


BOOST = ["-O2", "-Wall", "-Wextra", "-pthread", "-lssl", "-lcrypto"]

# name, source, a header that tells whether it is here, package of pkg-config, flags
NATIVE_PEERS = [
    ("libwebsockets", "lws.c", None, "libwebsockets", STRICT),
    ("wslay", "wslay.c", "wslay/wslay.h", None, [*STRICT, "-lwslay", "-lcrypto"]),
    ("Beast", "beast.cpp", "boost/beast.hpp", None, BOOST),
    ("Beast async", "beast_async.cpp", "boost/beast.hpp", None, BOOST),
    ("libsoup", "soup.c", None, "libsoup-3.0", STRICT),
    ("Qt", "qt.cpp", None, "Qt5WebSockets", ["-O2", "-Wall", "-Wextra", "-fPIC"]),
]
BY_BYTE = {"libwebsockets", "wslay", "libsoup", "Qt"}  # they look at each byte
RUST_PEERS = ["tungstenite", "tokio-tungstenite", "fastwebsockets"]


def native_peers(wanted):
    for name, source, header, package, flags in NATIVE_PEERS:
        if not wanted(name):
            continue
        found = flags_of([package]) if package else []
        if found is None or (header and not os.path.exists(f"/usr/include/{header}")):
            print(f"bench: {name} is not installed", file=sys.stderr)
            continue
        compiler = "c++" if source.endswith(".cpp") else "cc"
        program = "peer-" + name.lower().replace(" ", "-")
        command = (compile(program, [f"peers/{source}"], [*flags, *found], compiler),)
        yield Client(name, command, slow=16 if name in BY_BYTE else 1)


def rust_peers(wanted):
    if not any(map(wanted, RUST_PEERS)):
        return
    target = os.path.join(OUT, "rust-peers")
    command = ["cargo", "build", "--release", "--quiet", "--locked", "--target-dir", target]
    subprocess.run(command, check=True, cwd=os.path.join(HERE, "rust-peers"))
    for name in RUST_PEERS:
        yield Client(name, (os.path.join(target, "release", name),))


def python_peers(wanted):
    if not wanted("picows"):
        return
    python = os.path.join(OUT, "venv", "bin", "python")
    if os.path.exists(python):
        yield Client("picows", (python, os.path.join(HERE, "peers", "picows_client.py")), slow=4)
    else:
        print("bench: picows is not installed", file=sys.stderr)


def node_peers(wanted):
    if not wanted("ws"):
        return
    modules = os.path.join(OUT, "node", "node_modules")
    if os.path.isdir(os.path.join(modules, "ws")):
        command = ("node", os.path.join(HERE, "peers", "ws_client.js"))
        yield Client("ws", command, (("NODE_PATH", modules),), slow=4)
    else:
        print("bench: ws is not installed", file=sys.stderr)


def peers(wanted):
    """The peers whose names `wanted` accepts; only they are built."""
    yield from native_peers(wanted)
    yield from rust_peers(wanted)
    yield from python_peers(wanted)
    yield from node_peers(wanted)
