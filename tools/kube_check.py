#!/usr/bin/env python3
"""Tries the manifests and the chart on the cluster that kubectl points to, in a namespace of its own that is gone afterwards:

  dry-run   the API server takes every manifest and every rendering of the chart under the profile `restricted`, without a warning
  sidecar   the pod becomes ready, the container beside it gets ranked documents through the Unix socket, a killed server comes back
  metrics   a pod serves what Prometheus asks for, on the port that Service and ServiceMonitor name
  rollout   two replicas are replaced one by one under constant load, and no call of a client that retries fails
  overload  more than it can do makes the server refuse calls, never run into its memory limit

Usage: kube_check.py --image IMAGE [--steps STEP ...] [--seconds N]
Needs kubectl with rights over the cluster, the image on its nodes, grpcio and grpcio-tools (tools/requirements.txt), and helm for the
chart. All but dry-run need a cluster of one node, and to be run on it as root: pod addresses have to be reached, and a process killed.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "bench")]

STEPS = ("dry-run", "sidecar", "metrics", "rollout", "overload")
PATIENCE = 300  # seconds, for anything that is waited for
SAMPLE = json.loads((ROOT / "tools/sample/dartmouth.json").read_text())
SOCKET = "unix:/run/rerankd/rerankd.sock"


class Failed(Exception):
    pass


def say(text):
    print(text, flush=True)


def kubectl(*arguments, text=None, check=True):
    result = subprocess.run(["kubectl", *arguments], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if check and result.returncode != 0:
        raise Failed(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
    return result


def wait_until(condition, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.5)
    raise Failed(f"waited {seconds} s in vain until {what}")


class Namespace:
    """A namespace under the profile `restricted`, until the end of the block."""

    def __init__(self):
        self.name = f"rerankd-check-{os.getpid()}"

    def __enter__(self):
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        self.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}}))
        # Pods are refused before their namespace has a service account.
        wait_until(lambda: kubectl("get", "serviceaccount", "default", "-n", self.name, check=False).returncode == 0, "there is a service account")
        return self

    def __exit__(self, *_):
        kubectl("delete", "deployment", "--all", "-n", self.name, "--grace-period=1", "--wait=false", check=False)
        kubectl("delete", "pod", "--all", "-n", self.name, "--grace-period=1", "--force", check=False)
        kubectl("delete", "namespace", self.name, "--timeout=120s", check=False)

    def kubectl(self, *arguments, **options):
        return kubectl("-n", self.name, *arguments, **options)

    def apply(self, text):
        return kubectl("apply", "-f", "-", text=text)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def pods(self, name):
        """Those that are not on their way out."""
        found = self.get("pods", "-l", f"app.kubernetes.io/name={name}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def status_of(pod, container):
    statuses = pod["status"].get("containerStatuses", []) + pod["status"].get("initContainerStatuses", [])
    return next((s for s in statuses if s["name"] == container), {"restartCount": 0})


def process_of(pod):
    """The rerankd of a pod, as this machine numbers it."""
    uid = pod["metadata"]["uid"]
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == "rerankd" and uid in (folder / "cgroup").read_text().replace("_", "-"):
                return int(folder.name)
        except OSError:  # it ended
            continue
    raise Failed(f"the rerankd of pod {pod['metadata']['name']} does not run on this machine; run this on the node, as root")


def memory_mib(process):
    lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines() if ":" in line)
    return {key: int(lines[key].split()[0]) >> 10 for key in ("VmHWM", "RssAnon")}


# ---- dry-run

def renderings():
    """(name, text) of what a user may apply."""
    for path in sorted((ROOT / "deploy/kubernetes").glob("*.yaml")):
        yield path.name, path.read_text()
    if shutil.which("helm") is None:
        say("dry-run: helm is not installed, so the chart is left out")
        return
    cases = ROOT / "tests/deploy/charts"
    with tempfile.TemporaryDirectory() as folder:
        search = pathlib.Path(folder) / "search"
        shutil.copytree(cases / "search", search)
        shutil.copytree(ROOT / "deploy/helm/rerankd", search / "charts/rerankd")
        chart = str(ROOT / "deploy/helm/rerankd")
        for name, arguments in (("chart", [chart]), ("chart as sidecar", [str(search)]),
                                *((f"chart with {v.name}", ["-f", str(v), chart]) for v in sorted((cases / "values").glob("*.yaml")))):
            # What an operator's own kinds bring is not in every cluster.
            text = subprocess.run(["helm", "template", "demo", "--kube-version", "1.34.0", *arguments], check=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
            parts = [p for p in re.split(r"^---\s*$", text, flags=re.MULTILINE)
                     if p.strip() and not re.search(r"^apiVersion: (monitoring\.coreos\.com|keda\.sh)/", p, re.MULTILINE)]
            yield name, "---\n".join(parts)


def check_dry_run(namespace, _options):
    objects = 0
    for name, text in renderings():
        result = namespace.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", text=text, check=False)
        if result.returncode != 0 or result.stderr.strip():
            raise Failed(f"dry-run of {name}: {result.stderr.strip()}")
        objects += len(result.stdout.splitlines())
    say(f"dry-run: the API server takes all {objects} objects under the profile restricted, without a warning")


# ---- sidecar

def use_image(manifest, image):
    return re.sub(r"^(\s*)image: rerankd:\S+$", rf"\1image: {image}", manifest, flags=re.MULTILINE)


def stand_in_for_search(manifest, image):
    """The search container becomes a client of the same image that waits for documents until it is asked for."""
    command = json.dumps(["/usr/bin/rerankctl", "rerank", "--query", SAMPLE["query"], "--documents", "-"])
    changed, found = re.subn(r"^( *)image: search:latest.*$", rf"\1image: {image}\n\1stdin: true\n\1command: {command}", manifest, flags=re.MULTILINE)
    if found != 1:
        raise Failed("deploy/kubernetes/sidecar.yaml: wanted one container with the image search:latest")
    return changed


def rank(namespace, pod, container):
    documents = "\n".join(json.dumps(d) for d in SAMPLE["documents"])
    return namespace.kubectl("exec", "-i", pod["metadata"]["name"], "-c", container, "--", "/usr/bin/rerankctl", "--target", SOCKET, "--json",
                             "rerank", "--query", SAMPLE["query"], "--documents", "-", "--format", "jsonl", text=documents, check=False)


def check_sidecar(namespace, options):
    manifest = stand_in_for_search(use_image((ROOT / "deploy/kubernetes/sidecar.yaml").read_text(), options.image), options.image)
    # One node has not the room for what two pods ask for.
    namespace.kubectl("apply", "-f", "-", text=manifest.replace("replicas: 2", "replicas: 1").replace('cpu: "1"', "cpu: 100m"))
    began = time.monotonic()

    def ready_pod():
        pods = namespace.pods("search")
        return pods[0] if len(pods) == 1 and is_ready(pods[0]) else None

    pod = wait_until(ready_pod, "the pod with the sidecar is ready")
    say(f"sidecar: ready after {time.monotonic() - began:.1f} s")
    answer = rank(namespace, pod, "search")
    if answer.returncode != 0:
        raise Failed(f"sidecar: the container beside it gets no answer: {answer.stderr.strip()}")
    best = json.loads(answer.stdout)["results"][0]["index"]
    if "Dartmouth" not in SAMPLE["documents"][best]:
        raise Failed(f"sidecar: document {best} is ranked first")
    say("sidecar: the container beside it gets ranked documents through the Unix socket")
    os.kill(process_of(pod), signal.SIGKILL)
    began = time.monotonic()
    wait_until(lambda: status_of(namespace.pods("search")[0], "rerankd")["restartCount"] == 1 and ready_pod(), "the killed sidecar is back")
    if rank(namespace, pod, "search").returncode != 0:
        raise Failed("sidecar: no answer after the server was killed and started again")
    if status_of(namespace.pods("search")[0], "search")["restartCount"] != 0:
        raise Failed("sidecar: the search container was restarted, too")
    say(f"sidecar: killed, and serves again after {time.monotonic() - began:.1f} s; the container beside it went on")
    namespace.kubectl("delete", "deployment", "search", "--wait=true")


# ---- standalone

class ClusterDns:
    """Answers every question for an address with the ready pods of a headless Service, as a cluster's DNS does."""

    def __init__(self, namespace, service):
        self.namespace, self.service = namespace, service
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.target = f"dns://127.0.0.1:{self.socket.getsockname()[1]}/{service}.test:50051"
        threading.Thread(target=self._serve, daemon=True).start()

    def addresses(self):
        slices = self.namespace.get("endpointslices", "-l", f"kubernetes.io/service-name={self.service}")["items"]
        return sorted({address for s in slices for endpoint in s.get("endpoints") or []
                       if endpoint["conditions"].get("ready") for address in endpoint["addresses"]})

    def _serve(self):
        while True:
            question, client = self.socket.recvfrom(512)
            end = question.index(b"\0", 12) + 5  # name, type, class
            asks_for_ipv4 = question[end - 4:end - 2] == b"\0\1"
            found = self.addresses() if asks_for_ipv4 else []
            records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4) + socket.inet_aton(address) for address in found)
            self.socket.sendto(question[:2] + b"\x84\0\0\1" + struct.pack("!H", len(found)) + b"\0\0\0\0" + question[12:end] + records, client)


def deploy_standalone(namespace, options, replicas):
    manifest = use_image((ROOT / "deploy/kubernetes/standalone.yaml").read_text(), options.image)
    manifest = manifest.replace("replicas: 2", f"replicas: {replicas}").replace('requests: {cpu: "2"', "requests: {cpu: 100m")
    namespace.kubectl("apply", "-f", "-", text=manifest)
    namespace.kubectl("rollout", "status", "deployment/rerankd", f"--timeout={PATIENCE}s")


def check_metrics(namespace, options):
    deploy_standalone(namespace, options, 1)
    pod = wait_until(lambda: next(iter(namespace.pods("rerankd")), None), "there is a pod")
    port = next(p["port"] for s in namespace.get("endpointslices", "-l", "kubernetes.io/service-name=rerankd")["items"]
                for p in s["ports"] if p["name"] == "metrics")
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:{port}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    if not re.search(r"^rerankd_model_can_serve\{.*\} 1$", page, re.MULTILINE):
        raise Failed("metrics: the page does not say that a model can serve")
    say(f"metrics: port {port} of the pod has {len(page.splitlines())} lines for Prometheus")


def restarts(namespace):
    return sum(status_of(pod, "rerankd")["restartCount"] for pod in namespace.pods("rerankd"))


def check_rollout(namespace, options):
    import scale_out
    import workload
    deploy_standalone(namespace, options, 2)
    before = {pod["metadata"]["name"] for pod in namespace.pods("rerankd")}
    load = scale_out.Load(ClusterDns(namespace, "rerankd").target, workload.make(16, documents=8), clients=4)
    try:
        time.sleep(options.seconds)
        namespace.kubectl("rollout", "restart", "deployment/rerankd")
        namespace.kubectl("rollout", "status", "deployment/rerankd", f"--timeout={PATIENCE}s")
        wait_until(lambda: not before & {p["metadata"]["name"] for p in namespace.get("pods")["items"]}, "the old pods are gone")
        time.sleep(options.seconds)
    finally:
        load.stop()
    if load.errors or not load.latencies:
        raise Failed(f"rollout: {len(load.errors)} of {len(load.errors) + len(load.latencies)} calls failed: {load.errors[:3]}")
    if restarts(namespace):
        raise Failed("rollout: a container was restarted")
    say(f"rollout: both replicas were replaced under load; {len(load.latencies)} calls, none failed, the slowest took {max(load.latencies):.1f} s")


def check_overload(namespace, options):
    import grpc
    import scale_out
    deploy_standalone(namespace, options, 1)
    pod = wait_until(lambda: next(iter(namespace.pods("rerankd")), None), "there is a pod")
    process = process_of(pod)
    idle = memory_mib(process)
    # Calls as large as the configuration takes them, from more clients than it lets in, that nobody repeats.
    text = "overload " * 400
    request = scale_out.pb2.RerankRequest(query="q", documents=[text] * 1000)
    answers, stopping = {}, threading.Event()

    def send():
        options_ = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"ipv4:{pod['status']['podIP']}:50051", options=options_) as channel:
            stub = scale_out.pb2_grpc.RerankServiceStub(channel)
            while not stopping.is_set():
                try:
                    stub.Rerank(request, timeout=5)
                    code = "OK"
                except grpc.RpcError as error:
                    code = error.code().name
                answers[code] = answers.get(code, 0) + 1
                time.sleep(0.05)

    threads = [threading.Thread(target=send) for _ in range(100)]
    for thread in threads:
        thread.start()
    time.sleep(max(30, options.seconds))
    stopping.set()
    for thread in threads:
        thread.join()
    if restarts(namespace) or not pathlib.Path(f"/proc/{process}").exists():
        raise Failed(f"overload: the container was restarted; answers: {answers}")
    if "RESOURCE_EXHAUSTED" not in answers:
        raise Failed(f"overload: nothing was refused, so it was none: {answers}")
    peak = memory_mib(process)
    limit = status_of(namespace.pods("rerankd")[0], "rerankd").get("resources", {}).get("limits", {}).get("memory", "1Gi")
    say(f"overload: {answers}; at the most {peak['VmHWM']} MiB of {limit} resident, {idle['RssAnon']} MiB not backed by files before and {peak['RssAnon']} after; never restarted")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--image", required=True, help="as the nodes know it")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--seconds", type=float, default=10, help="how long load lasts before and after what happens to it")
    options = parser.parse_args()
    if shutil.which("kubectl") is None:
        raise SystemExit("kubectl is not installed")
    checks = {"dry-run": check_dry_run, "sidecar": check_sidecar, "metrics": check_metrics, "rollout": check_rollout, "overload": check_overload}
    try:
        with Namespace() as namespace:
            for step in options.steps:
                checks[step](namespace, options)
    except Failed as error:
        say(f"kube_check.py: {error}")
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespace goes
    sys.exit(main())
