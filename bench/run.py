#!/usr/bin/env python3
"""Ratel beside nginx, HAProxy, mitmdump and no proxy at all, on the same work, in one interleaved run.

    bench/run.py                              all scenarios, about ten minutes
    bench/run.py --quick                      a few minutes, rougher
    bench/run.py --scenario A,D --peers ratel,nginx

Needs a Rust toolchain, python3 and openssl; Linux, since CPU time is read from /proc. A peer that is
not installed is left out, and that is said. See bench/README.md for what is measured and why so.
"""
import argparse, datetime, fcntl, json, os, pathlib, platform, pty, re, shutil, signal, socket, statistics, struct, subprocess, sys, tempfile, termios, threading, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20

# name: (what it is, TLS towards the client, TLS towards the origin, kind)
SCENARIOS = {
    "A": ("HTTP to HTTP, 1 KiB, keep-alive", False, False, "small"),
    "B": ("HTTPS to HTTP, 1 KiB, keep-alive", True, False, "small"),
    "C": ("HTTP to HTTPS, 1 KiB, keep-alive", False, True, "small"),
    "D": ("HTTPS to HTTPS, 1 KiB, keep-alive", True, True, "small"),
    "E": ("CONNECT with interception, HTTPS to HTTPS, 1 KiB, keep-alive", True, True, "connect"),
    "F": ("a connection for each request, HTTPS to HTTPS, 1 KiB", True, True, "fresh"),
    "G": ("HTTP/2 over TLS on both sides (nginx: HTTP/1 to the origin), 1 KiB, 10 connections of 32 streams", True, True, "http2"),
    "H1": ("10 MiB downloads, HTTP to HTTP", False, False, "download"),
    "H2": ("10 MiB downloads, HTTPS to HTTPS", True, True, "download"),
    "I": ("memory after many small flows, HTTP to HTTP", False, False, "memory"),
    "J": ("start to the first answer, HTTP to HTTPS", False, True, "start"),
    "K": ("lateness of events, HTTPS to HTTPS", True, True, "events"),
    "L": ("the terminal's screen beside `ratel dump -q`, HTTP to HTTP, 1 KiB, keep-alive", False, False, "screen"),
    "M": ("A with ten rules that match nothing", False, False, "rules"),
    "N": ("20,000 recorded responses of 1 KiB, one for each path, keep-alive", False, False, "replay"),
}

RECORDINGS = 20_000

# Of all kinds, as people write them; nothing that is asked for here is theirs.
RULES = [
    "modify_headers=/~hq x-debug/X-Env/test",
    "modify_headers=/~s & ~t image/Cache-Control/no-store",
    r"modify_body=|~s & ~d api.example|version: \d+|version: 1",
    r"modify_body=|~q & ~m POST & ~u /login|password=\w+|password=x",
    "map_remote=!https://cdn.example/(v1|v2)/!https://localhost/",
    r'map_local=!~u "^https?://[^/]+/static/.*\.(css|js)$"!/static/!/',
    "block_list=%~d tracker.example | ~u /pixel%404",
    "stickycookie=~d shop.example",
    "throttle=~d slow.example : 3g",
    "fault=~u /pay : 503 @ 20%",
]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def find(name):
    env = os.environ.get(name.upper())
    places = [env] if env else [shutil.which(name), f"/usr/sbin/{name}", ROOT / "target/mitmproxy/bin" / name]
    return next((str(p) for p in places if p and os.access(p, os.X_OK)), None)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A child that is one process, so that /proc/PID says all about it."""

    def __init__(self, command, log, env=None):
        self.log = log
        self.started = time.perf_counter()
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(log, "ab"), stderr=subprocess.STDOUT,
                                      env=env, start_new_session=True)

    def cpu(self):
        fields = open(f"/proc/{self.child.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self, key):
        return int(re.search(rf"^{key}:\s+(\d+)", open(f"/proc/{self.child.pid}/status").read(), re.M)[1]) * 1024

    def wait_for(self, port):
        # mitmdump takes half a minute to read the recordings of N.
        end = time.time() + 120
        while time.time() < end:
            if self.child.poll() is not None:
                raise RuntimeError(f"ended: {open(self.log, errors='replace').read()[-300:]}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.002)
        raise RuntimeError("does not listen")

    def stop(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGTERM)
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()


class OnScreen(Process):
    """A child whose terminal is a pseudo-terminal of 120 columns and 40 rows that somebody reads."""

    def __init__(self, command, log, env=None):
        self.log = log
        self.started = time.perf_counter()
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=open(log, "ab"),
                                      env={**env, "TERM": "xterm-256color"}, start_new_session=True)
        os.close(theirs)
        self.written = 0
        threading.Thread(target=self.read, args=(ours,), daemon=True).start()

    def read(self, terminal):
        try:
            while data := os.read(terminal, 1 << 16):
                self.written += len(data)
        except OSError:
            pass  # Linux says so when the child has gone.
        os.close(terminal)


class World:
    """Certificates, the origin, and the load generator."""

    def __init__(self, tool):
        self.tool, self.recorded = tool, None
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ratel-bench-"))
        self.make_keys()
        log = self.dir / "origin.log"
        self.origin = Process([tool, "origin", "--cert", self.dir / "cert.pem", "--key", self.dir / "key.pem"], log)
        for _ in range(1000):
            ports = re.findall(r"(\w+) (\d+)\n", log.read_text())
            if len(ports) == 2:
                break
            time.sleep(0.01)
        self.ports = {name: int(port) for name, port in ports}
        self.nghttpd = None
        if program := find("nghttpd"):
            (self.dir / "www/bytes").mkdir(parents=True)
            (self.dir / "www/bytes/1024").write_bytes(b"x" * 1024)
            self.ports["h2"] = free_port()
            self.nghttpd = Process([program, "-a", "127.0.0.1", "-d", self.dir / "www", str(self.ports["h2"]), self.dir / "key.pem",
                                    self.dir / "cert.pem"], self.dir / "nghttpd.log")
            self.nghttpd.wait_for(self.ports["h2"])

    def make_keys(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", "key.pem", "-out", "cert.pem"], cwd=self.dir, check=True, capture_output=True)
        both = (self.dir / "cert.pem").read_text() + (self.dir / "key.pem").read_text()
        (self.dir / "both.pem").write_text(both)

    def record(self, ratel):
        """A file with a recorded response for each path that N asks for."""
        self.recorded = self.dir / "recorded"
        port, log = free_port(), self.dir / "record.log"
        command = ratel_like([ratel, "dump"])
        values = dict(kind="record", scheme="http", origin=self.ports["http"], port=port, confdir=self.dir / "confdir-record")
        recorder = Process([*command(values), "-w", self.recorded], log)
        recorder.wait_for(port)
        words = ["--path", "/bytes/1024/{}", "--to", port, "--conns", 16, "--requests", RECORDINGS, "--paths", RECORDINGS]
        subprocess.run([self.tool, "load", *map(str, words)], check=True, capture_output=True, timeout=900)
        recorder.stop()

    def close(self):
        self.origin.stop()
        if self.nghttpd:
            self.nghttpd.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


NGINX = """daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_max_body_size 0;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port}{front};
    ssl_certificate {keys}/cert.pem; ssl_certificate_key {keys}/key.pem;
    location / {{ proxy_pass {scheme}://origin; proxy_http_version 1.1; proxy_set_header Connection ""; {unbuffered} }}
  }}
}}
"""

HAPROXY = """global
  nbthread {cpus}
  maxconn 8192
defaults
  mode http
  timeout connect 10s
  timeout client 120s
  timeout server 120s
  http-reuse always
frontend f
  bind 127.0.0.1:{port}{front}
  default_backend b
backend b
  server o 127.0.0.1:{origin}{back}
"""


def ratel_like(program, rules=()):
    """ratel and mitmdump take the same command line."""
    def rules_of(v):
        # A recording that is gone would be asked for again.
        return ["server_replay_reuse=true", "server_replay_extra=404"] if v["kind"] == "replay" else rules

    def command(v):
        mode = ["--mode", f"reverse:{v['scheme']}://127.0.0.1:{v['origin']}"] if v["kind"] != "connect" else []
        rules = [word for rule in rules_of(v) for word in ("--set", rule)]
        played = ["--server-replay", v["recorded"]] if v["kind"] == "replay" else []
        return [*program, "-q", "-k", *mode, "--listen-host", "127.0.0.1", "--listen-port", str(v["port"]), "--set", f"confdir={v['confdir']}",
                *rules, *played]
    return command


def nginx(program):
    def command(v):
        unbuffered = "proxy_buffering off;" if v["kind"] == "events" else ""
        front = " ssl http2" if v["kind"] == "http2" else " ssl" if v["front_tls"] else ""
        text = NGINX.format(**v, front=front, unbuffered=unbuffered)
        (v["dir"] / "nginx.conf").write_text(text)
        return [program, "-p", v["dir"], "-c", v["dir"] / "nginx.conf", "-e", v["dir"] / "nginx.err"]
    return command


def haproxy(program):
    def command(v):
        alpn = " alpn h2" if v["kind"] == "http2" else ""
        front = f" ssl crt {v['keys']}/both.pem{alpn}" if v["front_tls"] else ""
        back = f" ssl verify none{alpn}" if v["scheme"] == "https" else ""
        text = HAPROXY.format(**v, cpus=os.cpu_count(), front=front, back=back)
        (v["dir"] / "haproxy.cfg").write_text(text)
        return [program, "-db", "-f", v["dir"] / "haproxy.cfg"]
    return command


def peers(ratel):
    """Those that are there: name -> (command, the kinds it cannot do)."""
    def but(*kinds):
        return {kind for *_, kind in SCENARIOS.values()} - set(kinds)

    server = {"connect", "memory", "screen", "rules", "replay"}
    found = {"direct": (None, {"memory", "start", "screen", "rules", "replay"}), "ratel": (ratel_like([ratel, "dump"]), set()),
             "screen": (ratel_like([ratel]), but("screen")), "with rules": (ratel_like([ratel, "dump"], RULES), but("rules"))}
    for name, make, cannot in (("nginx", nginx, server), ("haproxy", haproxy, server),
                               ("mitmdump", lambda p: ratel_like([p]), {"screen", "rules"})):
        if program := find(name):
            found[name] = (make(program), cannot)
        else:
            say(f"{name} is not installed here (or set {name.upper()}=PATH) and is left out")
    return found


class Candidate:
    """A peer, started for one scenario."""

    def __init__(self, world, name, command, scenario):
        _, front_tls, back_tls, kind = SCENARIOS[scenario]
        scheme = "https" if back_tls else "http"
        # nginx speaks HTTP/1 to origins, whatever its clients speak.
        origin = world.ports["h2" if kind == "http2" and name != "nginx" else scheme]
        self.world, self.process = world, None
        if command is None:
            # Without a proxy there is one connection; it is a TLS one where either leg is.
            self.to, tunnel = world.ports["h2" if kind == "http2" else "https" if front_tls or back_tls else "http"], False
            front_tls = front_tls or back_tls
        else:
            folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=world.dir))
            # One configuration folder for all rounds: making a CA is no part of the work.
            confdir = world.dir / f"confdir-{name}"
            self.to, tunnel = free_port(), kind == "connect"
            values = dict(kind=kind, scheme=scheme, origin=origin, port=self.to, front_tls=front_tls, dir=folder, keys=world.dir, confdir=confdir,
                          recorded=world.recorded)
            environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8"}
            start = OnScreen if name == "screen" else Process
            self.process = start(command(values), folder / "log", environment)
            self.process.wait_for(self.to)
        self.args = ["--to", str(self.to), "--tls", "1" if front_tls else "0"]
        if tunnel:
            self.args += ["--connect", f"127.0.0.1:{origin}"]

    def load(self, path, **more):
        args = [str(word) for name, value in more.items() for word in (f"--{name}", value)]
        run = subprocess.run([self.world.tool, "load", "--path", path, *self.args, *args], capture_output=True, text=True, check=True, timeout=900)
        return json.loads(run.stdout)

    def stop(self):
        if self.process:
            self.process.stop()


def http2(candidate, count):
    """h2load through a candidate."""
    url = f"https://127.0.0.1:{candidate.to}/bytes/1024"

    def load(*words):
        run = subprocess.run([find("h2load"), *words, url], capture_output=True, text=True, check=True, timeout=900)
        rate = re.search(r"finished in .*?, ([\d.]+) req/s", run.stdout)
        done = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", run.stdout)
        return float(rate[1]), int(done[1]), int(done[2]) + int(done[3])

    load("-n", "100", "-c", "10", "-m", "32")
    cpu = candidate.process.cpu if candidate.process else lambda: 0.0
    before = cpu()
    rate, done, errors = load("-n", str(count), "-c", "10", "-m", "32")
    return {"CPU µs per request": (cpu() - before) / max(done, 1) * 1e6, "req/s": rate, "errors": errors}


def measure(world, name, command, scenario, quick):
    """One round of one candidate: a dict of figures."""
    kind = SCENARIOS[scenario][3]
    seconds = 2 if quick else 5
    candidate = Candidate(world, name, command, scenario)
    try:
        if kind == "http2":
            return http2(candidate, 50_000 if quick else 200_000)
        path, more = ("/bytes/1024/{}", {"paths": RECORDINGS}) if kind == "replay" else ("/bytes/1024", {})
        first = candidate.load(path, requests=1, expect=1024, **more)
        start_ms = (time.perf_counter() - candidate.process.started) * 1000 if candidate.process else 0
        if not first["done"]:
            raise RuntimeError(f"the first request failed: {first['errors']}")
        if kind == "start":
            time.sleep(0.3)
            return {"start ms": start_ms, "idle MiB": candidate.process.memory("VmRSS") / MIB}
        cpu = candidate.process.cpu if candidate.process else lambda: 0.0
        if kind == "memory":
            before = candidate.process.memory("VmRSS")
            count = 10_000 if quick else 100_000
            result = candidate.load("/bytes/1024", conns=16, requests=count)
            after = candidate.process.memory("VmRSS")
            return {"MiB after": after / MIB, "bytes per flow": (after - before) / count, "req/s": result["done"] / result["seconds"],
                    "errors": sum(result["errors"].values())}
        if kind == "events":
            result = candidate.load("/sse/50/50", conns=4, requests=4 if quick else 16)
            return {"late p50 ms": result["late_us"]["p50"] / 1000, "late max ms": result["late_us"]["max"] / 1000,
                    "errors": sum(result["errors"].values())}
        if kind == "download":
            before = cpu()
            result = candidate.load(f"/bytes/{10 * MIB}", conns=4, seconds=seconds, expect=10 * MIB)
            gib = result["bytes"] / (1 << 30)
            return {"CPU s per GiB": (cpu() - before) / gib, "MiB/s": result["bytes"] / MIB / result["seconds"],
                    "peak MiB": candidate.process.memory("VmHWM") / MIB if candidate.process else 0,
                    "errors": sum(result["errors"].values())}
        more["fresh"] = 1 if kind == "fresh" else 0
        lone = candidate.load(path, conns=1, seconds=1, **more)
        before = cpu()
        result = candidate.load(path, conns=64, seconds=seconds, expect=1024, **more)
        if kind == "screen" and isinstance(candidate.process, OnScreen) and not candidate.process.written:
            raise RuntimeError("nothing was drawn")
        return {"CPU µs per request": (cpu() - before) / max(result["done"], 1) * 1e6, "req/s": result["done"] / result["seconds"],
                "alone p50 ms": lone["latency_us"]["p50"] / 1000, "errors": sum(result["errors"].values())}
    finally:
        candidate.stop()


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(scenario, rounds, base):
    """A markdown table; the first figure is the main one, and its ratio to `base` is taken round by round."""
    names = [name for name in rounds if rounds[name]]
    keys = [key for key in rounds[names[0]][0]]
    lines = [f"### {scenario}: {SCENARIOS[scenario][0]}", "", "| | " + " | ".join(keys) + f" | of {base}'s |", "|---|" + "---:|" * (len(keys) + 1)]
    for name in names:
        middle = [statistics.median(r[key] for r in rounds[name]) for key in keys]
        pairs = [(a[keys[0]], b[keys[0]]) for a, b in zip(rounds[name], rounds.get(base) or []) if b[keys[0]] > 0]
        ratio = f"{statistics.median(a / b for a, b in pairs):.2f}" if pairs and name != "direct" else ""
        lines.append(f"| {name} | " + " | ".join(map(number, middle)) + f" | {ratio} |")
    return "\n".join(lines) + "\n"


def build():
    env = dict(os.environ)
    say("building ratel and ratel-bench, optimised")
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "ratel", "-p", "ratel-bench"], cwd=ROOT, env=env, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"
    return str(target / "ratel"), str(target / "ratel-bench")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default=",".join(SCENARIOS), help="a comma-separated list of " + " ".join(SCENARIOS))
    parser.add_argument("--peers", help="a comma-separated list; all that are installed by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="shorter, two rounds")
    parser.add_argument("--base", default="nginx", help="whose figures the ratios refer to")
    args = parser.parse_args()
    rounds = 2 if args.quick else args.rounds
    ratel, tool = build()
    here = peers(os.environ.get("RATEL", ratel))
    wanted = args.peers.split(",") if args.peers else list(here)
    world = World(tool)
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    report = [f"# Ratel {commit or '(no git)'}, {datetime.date.today()}", "",
              f"`bench/run.py {' '.join(sys.argv[1:])}` on {os.cpu_count()} × {model}, {platform.system()} {platform.release()}; medians of {rounds} rounds.", ""]
    try:
        for scenario in args.scenario.split(","):
            kind = SCENARIOS[scenario][3]
            if kind == "http2" and not (find("h2load") and find("nghttpd")):
                say(f"{scenario} needs h2load and nghttpd (nghttp2-client, nghttp2-server) and is left out")
                continue
            if kind == "replay" and not world.recorded:
                world.record(ratel)
            able = [name for name in wanted if name in here and kind not in here[name][1]]
            seen = {name: [] for name in able}
            for turn in range(rounds):
                # A B C, then C B A: a machine whose speed drifts treats all alike.
                for name in able if turn % 2 == 0 else reversed(able):
                    say(f"{scenario} round {turn + 1} of {rounds}: {name}")
                    try:
                        seen[name].append(measure(world, name, here[name][0], scenario, args.quick))
                    except (RuntimeError, subprocess.SubprocessError) as error:
                        say(f"  failed: {error}")
            if any(seen.values()):
                base = "ratel" if kind in ("screen", "rules") else args.base if seen.get(args.base) else "mitmdump" if seen.get("mitmdump") else able[-1]
                report.append(table(scenario, seen, base))
    finally:
        world.close()
    text = "\n".join(report)
    print(text)
    folder = ROOT / "bench" / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}.md"
    path.write_text(text)
    say(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
