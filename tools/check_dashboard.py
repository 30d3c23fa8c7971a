#!/usr/bin/env python3
"""Runs every expression of the dashboard and the alerts in deploy/ against a real Prometheus that has
scraped a real rerankd under load, and says what each returns.

    tools/check_dashboard.py [--build build/release] [--seconds 40] [--keep]

The server has a model of its own, one of a provider (a fake one on loopback, which misbehaves now and
then) with a fallback, and one whose provider is not there; a certificate that openssl makes, keys of two
tenants, and a collector of traces that is not there. rerankctl brings the load: calls that are answered,
that are refused, and whose callers give up. An expression of the dashboard must return data;
of an alert Prometheus must be able to evaluate it, and what it compares must be there.
Exit status: 0 all did, 1 one did not, 2 something is missing. Prometheus and promtool come from the PATH
or from the cache that tools/setup.sh --tests fills.
"""
import argparse
import json
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds, for anything to be there
SCRAPE = 2     # seconds between scrapes
WINDOW = "20s"


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("RERANKD_CACHE") or pathlib.Path(base, "rerankd"))


def give_up(why):
    sys.exit(f"check_dashboard.py: {why}")


def tool(name):
    found = shutil.which(name) or shutil.which(name, path=cache() / "prometheus")
    if found is None:
        print(f"check_dashboard.py: no {name}; run tools/setup.sh --tests", file=sys.stderr)
        sys.exit(2)
    return found


class Programs:
    """What runs beside us, and is ended with us."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, command, **options):
        log = open(self.folder / f"{name}.log", "wb")
        process = subprocess.Popen(command, stderr=log, stdout=options.pop("stdout", log),
                                   stdin=options.pop("stdin", subprocess.DEVNULL), **options)
        self.running.append(process)
        return process

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def wait_for(self, name, pattern):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if found := re.search(pattern, self.log(name)):
                return found.group(1)
            time.sleep(0.1)
        give_up(f"{name} is not there:\n{self.log(name)}")

    def end(self):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            process.wait()


def start_providers(programs):
    h2 = next(iter(cache().glob("h2-*")), None)
    environment = os.environ | ({"PYTHONPATH": str(h2)} if h2 else {})
    process = programs.start("providers", [sys.executable, ROOT / "tests/support/fake_providers.py"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    return json.loads(process.stdout.readline())["http"]


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-days", "30", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
                   check=True, stderr=subprocess.DEVNULL)


def make_keys(folder, build):
    """{tenant: its key}, one with a quota that is soon used up."""
    keys = {}
    with open(folder / "keys", "w") as lines:
        for tenant, may in {"search": ["--admin"], "small": ["--tokens-per-second", "1", "--burst", "3"]}.items():
            made = subprocess.run([build / "clients/cpp/rerankctl", "key", tenant, *may], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout
            keys[tenant], line = made.split("\n", 1)
            lines.write(line)
    return keys


def start_server(programs, build, provider):
    make_certificate(programs.folder)
    config = programs.folder / "rerankd.yaml"
    models = ROOT / "tests/data/models"
    config.write_text(f"""
listen: unix:{programs.folder}/socket
admin: true
keys_file: keys
tls: {{certificate: tls.crt, key: tls.key}}
metrics: {{listen: 127.0.0.1:0}}
tracing: {{endpoint: "127.0.0.1:1"}}
models:
  - {{name: local, path: {models}/tiny-cross-encoder, sessions: 1, max_queued_documents: 3000, max_batch_tokens: 256}}
  - {{name: bi, path: {models}/tiny-bi-encoder, kind: bi_encoder}}
  - {{name: hosted, kind: voyage, model: rerank-2.5, base_url: "{provider}/voyage", max_concurrent_calls: 2,
     retry_delay: 5ms, retry_budget: 0, hedge_after: 50ms, breaker_calls: 0, fallback: [local]}}
  - {{name: dead, kind: voyage, model: rerank-2.5, base_url: "http://127.0.0.1:1", breaker_calls: 3,
     breaker_open: 2s, max_retries: 1, retry_delay: 5ms}}
""")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RERANKD_")}
    programs.start("rerankd", [build / "server/rerankd", "--config", config],
                   env=environment | {"VOYAGE_API_KEY": "none", "no_proxy": "*"})
    metrics = programs.wait_for("rerankd", r"metrics: address=(\S+)")
    return programs.wait_for("rerankd", r"serving: address=(\S+)"), metrics


def start_prometheus(programs, metrics):
    config = programs.folder / "prometheus.yaml"
    config.write_text(f"""
global: {{scrape_interval: {SCRAPE}s, evaluation_interval: {SCRAPE}s}}
rule_files: ["{ROOT}/deploy/prometheus/alerts.yaml"]
scrape_configs:
  - {{job_name: rerankd, static_configs: [{{targets: ["{metrics}"]}}]}}
""")
    subprocess.run([tool("promtool"), "check", "config", config], check=True, stdout=subprocess.DEVNULL)
    # Not port 0: it does not say which one it got.
    address = f"127.0.0.1:{random.randint(20000, 60000)}"
    programs.start("prometheus", [tool("prometheus"), f"--config.file={config}",
                                  f"--storage.tsdb.path={programs.folder}/data",
                                  f"--web.listen-address={address}"])
    programs.wait_for("prometheus", r"(Server is ready)")
    return f"http://{address}"


def ask(url, **parameters):
    full = url + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(full, timeout=PATIENCE) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


class Load:
    """Callers of every kind, until it is stopped."""

    def __init__(self, build, target, folder, keys):
        self.command = [build / "clients/cpp/rerankctl", "--target", target]
        self.keys = keys
        self.many = folder / "many.txt"
        self.many.write_text("\n".join("a document of some length that has to be read " * 8 for _ in range(2900)))
        self.few = folder / "few.txt"
        self.few.write_text("\n".join(f"document number {i}" for i in range(20)))
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.repeat, args=(call,)) for call in (
            lambda: self.rerank("local"), lambda: self.rerank("bi"),
            lambda: self.rerank("hosted"), lambda: self.rerank("hosted", f"fault:burst:503:1:{time.time()}"),
            lambda: self.rerank("hosted", "fault:delay:300"), lambda: self.rerank("hosted", "fault:status:500"),
            lambda: self.rerank("hosted", "fault:delay:300"),
            lambda: self.rerank("dead"), lambda: self.rerank("nobody"),
            # One that takes the queue, one that is refused meanwhile, one that does not wait.
            lambda: self.rerank("local", documents=self.many), lambda: self.rerank("local", documents=self.many),
            lambda: self.rerank("local", documents=self.many, deadline=0.05),
            lambda: self.rerank("local", tenant="small"),
            lambda: self.run("reload", "local"))]
        for thread in self.threads:
            thread.start()

    def run(self, *arguments, tenant="search"):
        subprocess.run([*self.command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=os.environ | {"RERANKD_API_KEY": self.keys[tenant]})

    def rerank(self, model, query="which one is it?", documents=None, deadline=20, tenant="search"):
        self.run("--deadline", str(deadline), "rerank", "--model", model, "--query", query, "--documents",
                 str(documents or self.few), tenant=tenant)

    def repeat(self, call):
        while not self.stopped.wait(0.2):
            call()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def expand(expression):
    for variable, value in {"$__rate_interval": WINDOW, "$job": "rerankd", "$instance": ".*", "$model": ".*"}.items():
        expression = expression.replace(variable, value)
    return expression


def dashboard_expressions():
    dashboard = json.loads((ROOT / "deploy/grafana/rerankd.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], expand(target["expr"])


def values(result):
    return [float(series["value"][1]) for series in result["data"]["result"]]


def check(prometheus):
    failures = 0
    print("dashboard:")
    for title, expression in dashboard_expressions():
        result = ask(f"{prometheus}/api/v1/query", query=expression)
        found = values(result) if result["status"] == "success" else []
        numbers = [value for value in found if not math.isnan(value)]
        failures += not numbers
        shown = ", ".join(f"{value:.4g}" for value in sorted(numbers)[-3:])
        print(f"  {'ok  ' if numbers else 'NONE'} {title}: {len(numbers)} series ({shown})"
              + ("" if numbers else f"\n       {expression}\n       {result.get('error', '')}"))
    print("alerts:")
    for group in ask(f"{prometheus}/api/v1/rules")["data"]["groups"]:
        for rule in group["rules"]:
            well = rule["health"] == "ok"
            failures += not well
            print(f"  {'ok  ' if well else 'BAD '} {rule['name']}: {rule['state']} {rule.get('lastError', '')}")
            # What it compares is there, so that its silence means something.
            if left := comparison(rule["query"]):
                there = ask(f"{prometheus}/api/v1/query", query=shorten(left))
                if not values(there):
                    failures += 1
                    print(f"       NONE of {left}")
    return failures


def comparison(expression):
    """What stands before the last comparison."""
    found = re.match(r"(.*\S) *(?:==|[<>]=?) *[0-9.]+$", expression.strip(), re.S)
    return found and found.group(1)


def shorten(expression):
    """Its windows are longer than this script runs; a series of half a minute will do."""
    return re.sub(r"\[\d+[mh]\]", f"[{WINDOW}]", expression)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--seconds", type=int, default=40, help="how long to bring load")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    for program in ("server/rerankd", "clients/cpp/rerankctl"):
        if not (build / program).exists():
            print(f"check_dashboard.py: no {build / program}; build it, or name another --build", file=sys.stderr)
            sys.exit(2)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rerankd-dashboard-"))
    programs = Programs(folder)
    load = None
    try:
        keys = make_keys(folder, build)
        target, metrics = start_server(programs, build, start_providers(programs))
        prometheus = start_prometheus(programs, metrics)
        print(f"rerankd at {target}, its metrics at {metrics}, Prometheus at {prometheus}; "
              f"load for {arguments.seconds} s ...", flush=True)
        load = Load(build, target, folder, keys)
        time.sleep(arguments.seconds)
        failures = check(prometheus)
    finally:
        if load is not None:
            load.stop()
        programs.end()
        if arguments.keep:
            print(f"logs are in {folder}")
        else:
            shutil.rmtree(folder)
    print("every expression returns data" if failures == 0 else f"{failures} do not do what they should")
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()
