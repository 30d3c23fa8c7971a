"""What the chart makes of values that depend on each other, and which ones it refuses."""
import json
import re
import subprocess
import unittest

import chart
from chart import CHART, ROOT, config_of, pod_of, refusal, render, yaml

MODELS = [{"model": "org/one", "revision": "0123abc"}, {"name": "other", "model": "org/one", "revision": "v2"}, {"model": "org/two"}]


def given(**values):
    """Arguments that set values as JSON."""
    return [word for name, value in values.items() for word in ("--set-json", f"{name.replace('__', '.')}={json.dumps(value)}")]


def pulls(objects):
    return [container["command"][2:] for container in pod_of(objects).get("initContainers", [])]


def egress(*arguments):
    """(ports of DNS, other TCP ports, further rules)"""
    rules = render(*arguments)["NetworkPolicy", "demo-rerankd"]["spec"]["egress"]
    numbers = [{port["port"] for port in rule.get("ports", [])} for rule in rules]
    computed = numbers[1] if len(rules) > 1 and "to" not in rules[1] else set()
    return numbers[0], computed, rules[2 if computed else 1:]


class ModelsTest(unittest.TestCase):
    def test_what_is_pinned_is_what_is_fetched(self):
        objects = render(*given(config__models=MODELS, modelCache__pull=["org/one", "org/two"]))
        self.assertEqual(pulls(objects), [["org/one", "--revision", "0123abc"], ["org/one", "--revision", "v2"], ["org/two", "--revision", "main"]])
        self.assertEqual(len({container["name"] for container in pod_of(objects)["initContainers"]}), 3)

    def test_a_revision_of_its_own(self):
        wanted = [{"model": "org/three", "revision": "v3"}]
        self.assertEqual(pulls(render(*given(modelCache__pull=wanted))), [["org/three", "--revision", "v3"]])

    def test_what_would_be_missing_is_named(self):
        only_one = given(config__models=MODELS, modelCache__pull=["org/one"])
        self.assertIn("modelCache.pull lacks org/two (revision main)", refusal(*only_one))
        pulls(render(*only_one, "--set", "modelCache.existingClaim=models"))  # it may be there already
        self.assertIn("lacks org/one (revision 0123abc)", refusal(*given(
            config__models=MODELS[:1], modelCache__pull=[{"model": "org/one", "revision": "main"}])))

    def test_folders_and_providers_are_not_fetched(self):
        models = [{"path": "/models/own"}, {"model": "./own"}, {"kind": "voyage", "model": "rerank-2.5"}, MODELS[2]]
        self.assertEqual(len(pulls(render(*given(config__models=models, modelCache__pull=["org/two"])))), 1)

    def test_fetching_goes_where_the_server_would(self):
        variables = [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "TZ", "value": "UTC"}]
        pod = pod_of(render(*given(modelCache__pull=["org/two"], env=variables), "--set", "config.hub.endpoint=https://hub.example"))
        self.assertEqual({v["name"]: v["value"] for v in pod["initContainers"][0]["env"]},
                         {"HF_ENDPOINT": "https://hub.example", "HTTPS_PROXY": "http://proxy:3128"})

    @unittest.skipUnless(chart.RERANKCTL, "RERANKCTL names no program")
    def test_rerankctl_knows_the_options(self):
        usage = subprocess.run([chart.RERANKCTL, "pull", "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
        for option in pulls(render(*given(modelCache__pull=["org/one"])))[0][1::2]:
            self.assertIn(option, usage)


class NamesTest(unittest.TestCase):
    def test_alerts_ask_for_what_the_monitor_labels(self):
        on = ("--set", "metrics.enabled=true,metrics.serviceMonitor.enabled=true,metrics.alerts.enabled=true")
        for names, fullname in (((), "demo-rerankd"), (("--set", "nameOverride=ranker"), "demo-ranker"), (("--set", "fullnameOverride=ranks"), "ranks")):
            objects = render(*on, *names)
            monitor = objects["ServiceMonitor", fullname]["spec"]
            # Without a jobLabel the job is the name of the Service whose labels are selected.
            self.assertNotIn("jobLabel", monitor)
            service = objects["Service", fullname]
            self.assertLessEqual(monitor["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
            self.assertIn(monitor["endpoints"][0]["port"], [port["name"] for port in service["spec"]["ports"]])
            rules = [rule for group in objects["PrometheusRule", fullname]["spec"]["groups"] for rule in group["rules"]]
            asked = [found for rule in rules for found in re.findall(r"{(job=[^}]*)}", rule["expr"])]
            self.assertGreaterEqual(len(asked), 4)
            self.assertEqual(set(asked), {f'job="{fullname}", namespace="search"'})

    def test_a_scrape_of_ones_own_is_named(self):
        alerts = "metrics.enabled=true,metrics.alerts.enabled=true"
        self.assertIn("metrics.selector", refusal("--set", alerts))
        rules = render("--set", alerts, *given(metrics__selector='job="mine"'))["PrometheusRule", "demo-rerankd"]["spec"]
        self.assertIn('up{job="mine"} == 0', [rule["expr"] for rule in rules["groups"][0]["rules"]])

    def test_templates_that_are_spoken_of_exist(self):
        texts = {path: path.read_text() for path in (*CHART.glob("templates/*"), CHART / "values.yaml", CHART / "README.md")}
        defined = {name for text in texts.values() for name in re.findall(r'define "(rerankd\.[\w.]+)"', text)}
        self.assertGreater(len(defined), 10)
        for path, text in texts.items():
            # Not the configuration's name, rerankd.yaml, nor the socket's.
            spoken_of = set(re.findall(r"(?<![\w/-])(rerankd\.[a-z]\w*(?:\.\w+)*)", text)) - {"rerankd.yaml", "rerankd.sock", "rerankd.json"}
            self.assertLessEqual(spoken_of, defined, path.name)

    def test_metrics_that_are_scaled_by_are_exported(self):
        documented = (ROOT / "docs/OPERATIONS.md").read_text().split("\n## Metrics\n")[1].split("\n## ")[0]
        exported = set(re.findall(r"^\| `(rerankd_\w+)` \| (?:counter|gauge)", documented, re.MULTILINE))
        for histogram in re.findall(r"^\| `(rerankd_\w+)` \| histogram", documented, re.MULTILINE):
            exported |= {histogram + suffix for suffix in ("_bucket", "_sum", "_count")}
        files = (*CHART.glob("templates/*"), CHART / "values.yaml", *(chart.HERE / "charts/values").glob("*.yaml"), ROOT / "docs/DEPLOYMENT.md")
        used = {name for path in files for name in re.findall(r"rerankd_[a-z_]+[a-z]", path.read_text()) if name != "rerankd_affinity"}
        self.assertIn("rerankd_calls_in_progress", used)
        self.assertLessEqual(used, exported)

    def test_scaling_by_metrics_needs_them(self):
        keda = "autoscaling.enabled=true,autoscaling.keda.prometheus=http://p:9090"
        self.assertIn("metrics.enabled", refusal("--set", keda))
        render("--set", keda, *given(autoscaling__keda__query="vector(1)"))
        pods = "autoscaling.enabled=true,autoscaling.podMetric.target=4,autoscaling.podMetric.name="
        self.assertIn("metrics.enabled", refusal("--set", pods + "rerankd_calls_in_progress"))
        render("--set", pods + "packets_per_second")


class EndTest(unittest.TestCase):
    def seconds(self, *arguments):
        return pod_of(render(*arguments))["terminationGracePeriodSeconds"]

    def test_pods_have_longer_than_the_server_may_take(self):
        self.assertEqual(self.seconds("--set", "config.grace_period=2m,preStopSeconds=10"), 10 + 120 + 5)
        self.assertEqual(self.seconds("--set", "config.grace_period=1500ms,preStopSeconds=1"), 1 + 2 + 5)
        self.assertEqual(self.seconds("--set-string", "config.grace_period=0", "--set", "preStopSeconds=1"), 1 + 0 + 5)
        self.assertEqual(self.seconds("--set", "config=null"), self.seconds())  # the server's own default
        self.assertEqual(self.seconds("--set", "terminationGracePeriodSeconds=100"), 100)

    def test_less_is_refused(self):
        for values in ("terminationGracePeriodSeconds=42", "config.grace_period=1h,terminationGracePeriodSeconds=600"):
            self.assertIn("terminationGracePeriodSeconds", refusal("--set", values))
        self.assertIn("want a duration", refusal("--set", "config.grace_period=30"))
        self.assertIn("RERANKD_GRACE_PERIOD", refusal("--set", "env[0].name=RERANKD_GRACE_PERIOD,env[0].value=1h"))


class EgressTest(unittest.TestCase):
    def test_dns_alone_where_nothing_is_called(self):
        for arguments in ((), given(config__models=[{"kind": "bi_encoder", "path": "/models/own"}])):
            self.assertEqual(egress(*arguments), ({53}, set(), []))

    def test_what_the_values_name_is_reached(self):
        tei = {"name": "tei", "kind": "tei", "base_url": "http://tei.gpu:8080/v1"}
        for values, ports in (
                ({"config__models": [{"model": "org/one"}]}, {443}),
                ({"config__model": {"model": "org/one"}}, {443}),
                ({"config__models": [{"name": "v", "kind": "voyage", "model": "rerank-2.5"}]}, {443}),
                ({"config__models": [tei]}, {8080}),
                ({"config__models": [tei, {**tei, "base_url": "http://tei.gpu"}, {**tei, "base_url": "https://[::1]:9"}]}, {8080, 80, 9}),
                ({"modelCache__pull": ["org/one"]}, {443}),
                ({"modelCache__pull": ["org/one"], "modelCache__endpoint": "http://hub.example:9000/x"}, {9000}),
                ({"config__tracing__endpoint": "http://otel:4317"}, {4317}),
                ({"config__tracing__endpoint": "otel:4317"}, {4317}),
                ({"env": [{"name": "HTTPS_PROXY", "value": "http://me:secret@proxy:3128"}]}, {3128}),
                ({"env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "https://otel:4317"}]}, {4317})):
            with self.subTest(values):
                self.assertEqual(egress(*given(**values)), ({53}, ports, []))

    def test_rules_are_added(self):
        rule = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}
        self.assertEqual(egress(*given(networkPolicy__egress=[rule])), ({53}, set(), [rule]))


class ContradictionsTest(unittest.TestCase):
    def test_two_listeners_on_one_port(self):
        self.assertIn("service.port and metrics.port", refusal("--set", "metrics.enabled=true,service.port=9464"))
        render("--set", "service.port=9464")  # nobody listens there

    def test_monitoring_of_what_is_off(self):
        for part in ("serviceMonitor", "alerts", "dashboards"):
            self.assertIn("metrics", refusal("--set", f"metrics.{part}.enabled=true"))

    def test_settings_of_metrics_are_merged(self):
        # Only what the chart knows of is set; the server says whether it knows the rest.
        metrics = config_of(render("--set", "metrics.enabled=true,config.metrics.later=x"))["metrics"]
        self.assertEqual(metrics, {"listen": "0.0.0.0:9464", "later": "x"})
        self.assertIn("config.metrics.listen", refusal("--set", "metrics.enabled=true,config.metrics.listen=127.0.0.1:1"))

    def test_labels_stand_once(self):
        for name in ("app.kubernetes.io/name", "app.kubernetes.io/instance"):
            self.assertIn(name, refusal(*given(podLabels={name: "x"})))
        labels = render(*given(podLabels={"app.kubernetes.io/version": "mine", "tier": "x"}))["Deployment", "demo-rerankd"]["spec"]["template"]["metadata"]["labels"]
        self.assertEqual((labels["app.kubernetes.io/version"], labels["tier"]), ("mine", "x"))
        on = ("--set", "metrics.enabled=true,metrics.serviceMonitor.enabled=true,metrics.alerts.enabled=true,metrics.dashboards.enabled=true")
        own = {"helm.sh/chart": "mine"}
        render(*on, *given(metrics__serviceMonitor__labels=own, metrics__alerts__labels=own, metrics__dashboards__labels=own))

    def test_variables_are_strings(self):
        variables = [{"name": "A", "value": 1000000}, {"name": "B", "value": True}, {"name": "C", "value": 0.5}, {"name": "D", "value": "1e3"},
                     {"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
        env = {v["name"]: v for v in pod_of(render(*given(env=variables)))["containers"][0]["env"]}
        self.assertEqual([env[name]["value"] for name in "ABCD"], ["1000000", "true", "0.5", "1e3"])
        self.assertEqual(env["E"], variables[4])

    def test_variables_that_the_chart_sets(self):
        for name in ("RERANKD_CONFIG", "RERANKD_LISTEN", "HF_HUB_OFFLINE"):
            self.assertIn(name, refusal(*given(env=[{"name": name, "value": "x"}])))

    def test_without_a_configuration(self):
        for arguments in (("--set", "config=null"), given(config={"log": None, "engine": None})):
            self.assertEqual(config_of(render(*arguments))["listen"], "0.0.0.0:50051")
        self.assertEqual(config_of(render("--set", "config=null,tls.secret=s,metrics.enabled=true"))["tls"]["key"], "/etc/rerankd-tls/tls.key")

    def test_a_certificate_is_in_one_place(self):
        own = given(config__tls={"certificate": "/own/tls.crt", "key": "/own/tls.key"})
        self.assertIn("tls.secret and config.tls", refusal(*own, "--set", "tls.secret=s"))
        objects = render(*own)
        self.assertEqual(config_of(objects)["listen"], ["0.0.0.0:50051", "unix:/run/rerankd/rerankd.sock"])
        self.assertIn("exec", pod_of(objects)["containers"][0]["readinessProbe"])
        self.assertIn("keys_file", refusal("--set", "config.keys_file=/x,apiKeys.secret=s"))
        self.assertIn("leave tls out", refusal("--set", "standalone=false,tls.secret=s"))

    def test_volumes_of_ones_own(self):
        pod = pod_of(render(*given(extraVolumes=[{"name": "ca", "configMap": {"name": "ca"}}], extraVolumeMounts=[{"name": "ca", "mountPath": "/ca"}],
                                   modelCache__pull=["org/one"])))
        self.assertIn({"name": "ca", "configMap": {"name": "ca"}}, pod["volumes"])
        for container in (pod["initContainers"][0], pod["containers"][0]):
            self.assertIn({"name": "ca", "mountPath": "/ca"}, container["volumeMounts"])


if __name__ == "__main__":
    chart.main()
