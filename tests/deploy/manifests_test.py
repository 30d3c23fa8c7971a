"""That what the manifests of deploy/kubernetes and Envoy's configuration say of each other is true."""
import re
import sys
import unittest

from chart import ROOT, objects_of, yaml

FOLDER = ROOT / "deploy/kubernetes"


def named(manifest):
    """{kind: object}; each kind is there once."""
    return {o["kind"]: o for o in objects_of((FOLDER / manifest).read_text())}


def pod_of(manifest):
    return named(manifest)["Deployment"]["spec"]["template"]["spec"]


def listening(sockets):
    return {s["address"]["socket_address"]["port_value"] for s in sockets}


class ManifestsTest(unittest.TestCase):
    def test_pods_have_longer_than_the_server_may_take(self):
        pod = pod_of("standalone.yaml")
        config = yaml.safe_load(named("standalone.yaml")["ConfigMap"]["data"]["rerankd.yaml"])
        grace = int(config["grace_period"].removesuffix("s"))
        self.assertGreater(pod["terminationGracePeriodSeconds"], pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] + grace)

    def test_ports_are_those_that_are_listened_on(self):
        objects = named("standalone.yaml")
        config = yaml.safe_load(objects["ConfigMap"]["data"]["rerankd.yaml"])
        ports = {port["name"]: port["containerPort"] for port in pod_of("standalone.yaml")["containers"][0]["ports"]}
        self.assertIn(f"0.0.0.0:{ports['grpc']}", config["listen"])
        self.assertEqual(config["metrics"]["listen"], f"0.0.0.0:{ports['metrics']}")
        self.assertEqual({port["name"]: port["port"] for port in objects["Service"]["spec"]["ports"]}, ports)
        self.assertLessEqual({port["port"] for rule in objects["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]}, set(ports))

    def test_mounts_have_volumes(self):
        for manifest in ("standalone.yaml", "sidecar.yaml", "envoy.yaml"):
            pod = pod_of(manifest)
            for container in pod.get("initContainers", []) + pod["containers"]:
                self.assertLessEqual({m["name"] for m in container["volumeMounts"]}, {v["name"] for v in pod["volumes"]}, manifest)

    def test_what_is_pulled_is_what_is_pinned(self):
        text = (FOLDER / "sidecar.yaml").read_text()
        pinned = re.search(r"model: (\S+), revision: (\w+)", text).groups()
        self.assertEqual(re.search(r"rerankctl, pull, (\S+), --revision, (\w+)", text).groups(), pinned)

    def test_envoy_stands_before_the_replicas(self):
        envoy = yaml.safe_load((ROOT / "deploy/envoy/envoy.yaml").read_text())["static_resources"]
        service = named("standalone.yaml")["Service"]
        ports = {port["port"] for port in service["spec"]["ports"] if port["name"] == "grpc"}
        for cluster in envoy["clusters"]:
            address = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
            self.assertTrue(address["address"].startswith(service["metadata"]["name"] + "."), address)
            self.assertEqual({address["port_value"]}, ports)
        own = named("envoy.yaml")
        container = pod_of("envoy.yaml")["containers"][0]
        self.assertEqual({port["containerPort"] for port in container["ports"]}, listening(envoy["listeners"]))
        # It is a client like others, to both policies.
        labels = own["Deployment"]["spec"]["template"]["metadata"]["labels"]
        self.assertLessEqual(named("standalone.yaml")["NetworkPolicy"]["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"].items(), labels.items())
        to = own["NetworkPolicy"]["spec"]["egress"][1]
        self.assertEqual({port["port"] for port in to["ports"]}, ports)
        self.assertLessEqual(to["to"][0]["podSelector"]["matchLabels"].items(),
                             named("standalone.yaml")["Deployment"]["spec"]["template"]["metadata"]["labels"].items())


if __name__ == "__main__":
    if yaml is None:
        print("skipped: PyYAML is not installed")
        sys.exit(77)
    unittest.main()
