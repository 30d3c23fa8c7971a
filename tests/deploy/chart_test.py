"""The chart as `helm template` renders it: what is in it, and that its parts fit together."""
import json
import os
import unittest

import chart
from chart import CHART, HERE, config_of, pod_of, refusal, render, render_sidecar, yaml


class ChartTest(unittest.TestCase):
    def test_tls_is_not_left_out_in_silence(self):
        refusal("--set", "tls.clientCa=true")
        tls = config_of(render("--set", "tls.secret=s,tls.clientCa=true,config.tls.require_client_certificate=false"))["tls"]
        self.assertIs(tls["require_client_certificate"], False)
        self.assertEqual(tls["client_ca"], "/etc/rerankd-tls/ca.crt")

    def test_by_default_it_is_a_headless_service(self):
        objects = render()
        self.assertEqual(set(kind for kind, _ in objects),
                         {"ConfigMap", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"})
        self.assertEqual(objects["Service", "demo-rerankd"]["spec"]["clusterIP"], "None")
        selector = objects["Deployment", "demo-rerankd"]["spec"]["selector"]["matchLabels"]
        labels = objects["Deployment", "demo-rerankd"]["spec"]["template"]["metadata"]["labels"]
        for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
            spec = objects[kind, "demo-rerankd"]["spec"]
            wanted = spec.get("podSelector", spec.get("selector"))
            self.assertEqual(wanted.get("matchLabels", wanted), selector, kind)
        self.assertLessEqual(selector.items(), labels.items())

    def test_every_container_is_restricted(self):
        for objects in (render(), render("-f", str(HERE / "charts/values/keda.yaml"))):
            pod = pod_of(objects)
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            for container in pod.get("initContainers", []) + pod["containers"]:
                context = container["securityContext"]
                self.assertFalse(context["allowPrivilegeEscalation"])
                self.assertTrue(context["readOnlyRootFilesystem"])
                self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                self.assertIn("memory", container["resources"]["limits"])

    def test_pods_leave_before_they_are_stopped(self):
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        pod = pod_of(render())
        grace = int(values["config"]["grace_period"].removesuffix("s"))
        self.assertGreater(pod["terminationGracePeriodSeconds"], values["preStopSeconds"] + grace)
        self.assertEqual(pod["containers"][0]["lifecycle"]["preStop"], {"sleep": {"seconds": values["preStopSeconds"]}})

    def test_a_change_of_the_configuration_rolls_the_pods(self):
        def checksum(*arguments):
            template = render(*arguments)["Deployment", "demo-rerankd"]["spec"]["template"]
            return template["metadata"]["annotations"]["checksum/config"]
        self.assertEqual(checksum(), checksum())
        self.assertNotEqual(checksum(), checksum("--set", "config.log.level=debug"))

    def test_everything_at_once(self):
        objects = render("-f", str(HERE / "charts/values/everything.yaml"))
        self.assertIn(("ServiceMonitor", "demo-rerankd"), objects)
        rules = objects["PrometheusRule", "demo-rerankd"]["spec"]
        names = [rule["alert"] for group in yaml.safe_load((CHART / "prometheus/alerts.yaml").read_text())["groups"] for rule in group["rules"]]
        self.assertEqual([rule["alert"] for group in rules["groups"] for rule in group["rules"]], names)
        dashboards = objects["ConfigMap", "demo-rerankd-dashboards"]
        self.assertEqual(dashboards["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertTrue(json.loads(dashboards["data"]["rerankd.json"])["panels"])
        autoscaler = objects["HorizontalPodAutoscaler", "demo-rerankd"]["spec"]
        self.assertEqual([metric["type"] for metric in autoscaler["metrics"]], ["Pods", "ContainerResource"])
        self.assertNotIn("replicas", objects["Deployment", "demo-rerankd"]["spec"])
        pod = pod_of(objects)
        container = pod["containers"][0]
        self.assertTrue(container["image"].endswith("@sha256:" + 64 * "0"))
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        self.assertEqual(ports, {"grpc": 8443, "metrics": 9464})
        self.assertEqual(container["readinessProbe"]["grpc"]["port"], 8443)
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        self.assertEqual(volumes["rerankd-models"]["persistentVolumeClaim"], {"claimName": "models"})
        self.assertEqual({mount["name"] for mount in container["volumeMounts"]}, set(volumes))
        config = config_of(objects)
        self.assertEqual(config["listen"], "0.0.0.0:8443")
        self.assertIn({"name": "RERANKD_TARGET", "value": "127.0.0.1:8443"}, container["env"])
        self.assertIn({"name": "RERANKD_METRICS", "value": "127.0.0.1:9464"}, container["env"])
        self.assertEqual(config["metrics"], {"listen": "0.0.0.0:9464"})

    def test_keda_asks_for_the_queue_of_its_namespace(self):
        objects = render("-f", str(HERE / "charts/values/keda.yaml"))
        self.assertNotIn(("HorizontalPodAutoscaler", "demo-rerankd"), objects)
        triggers = objects["ScaledObject", "demo-rerankd"]["spec"]["triggers"]
        self.assertEqual([trigger["type"] for trigger in triggers], ["prometheus", "cpu"])
        self.assertIn('namespace="search"', triggers[0]["metadata"]["query"])

    def test_models_are_fetched_before_the_server_starts(self):
        pod = pod_of(render("-f", str(HERE / "charts/values/keda.yaml")))
        self.assertEqual(pod["initContainers"][0]["command"], ["/usr/bin/rerankctl", "pull", "BAAI/bge-reranker-v2-m3", "--revision", "main"])
        server = pod["containers"][0]
        self.assertIn({"name": "HF_HUB_OFFLINE", "value": "1"}, server["env"])
        mounts = {mount["name"]: mount for mount in server["volumeMounts"]}
        self.assertTrue(mounts["rerankd-models"]["readOnly"])

    def test_with_tls_probes_go_through_a_socket(self):
        objects = render("-f", str(HERE / "charts/values/tls.yaml"))
        config = config_of(objects)
        server = pod_of(objects)["containers"][0]
        target = next(v["value"] for v in server["env"] if v["name"] == "RERANKD_TARGET")
        self.assertEqual(config["listen"], ["0.0.0.0:50051", target])
        for probe in ("startupProbe", "readinessProbe"):
            self.assertEqual(server[probe]["exec"]["command"], ["/usr/bin/rerankctl", "health"])
        mounts = {mount["mountPath"] for mount in server["volumeMounts"]}
        for file in (*(config["tls"][key] for key in ("certificate", "key", "client_ca")), config["keys_file"], target.removeprefix("unix:")):
            self.assertIn(os.path.dirname(file), mounts)

    def test_beside_a_search_service_there_is_a_socket_and_no_port(self):
        objects = render_sidecar()
        rolled = render_sidecar("--set", "rerankd.config.log.level=debug")
        annotations = [o["Deployment", "search"]["spec"]["template"]["metadata"]["annotations"] for o in (objects, rolled)]
        self.assertNotEqual(*annotations)
        self.assertEqual(set(objects), {("ConfigMap", "demo-rerankd"), ("Deployment", "search")})
        pod = pod_of(objects, "search")
        pull, sidecar = pod["initContainers"]
        self.assertEqual(pull["command"][1], "pull")
        self.assertEqual(sidecar["restartPolicy"], "Always")
        self.assertNotIn("ports", sidecar)
        listen = config_of(objects)["listen"]
        self.assertIn({"name": "RERANKD_TARGET", "value": listen}, sidecar["env"])
        socket = listen.removeprefix("unix:")
        for container in (sidecar, pod["containers"][0]):
            folders = {mount["mountPath"] for mount in container["volumeMounts"]}
            self.assertIn(os.path.dirname(socket), folders)
        names = {volume["name"] for volume in pod["volumes"]}
        self.assertLessEqual({mount["name"] for mount in sidecar["volumeMounts"]}, names)

    def test_wrong_values_are_refused(self):
        self.assertIn("replica", refusal("--set", "replica=3"))
        self.assertIn("digest", refusal("--set", "image.digest=sha256:12"))
        self.assertIn("port", refusal("--set", "service.port=70000"))
        refusal("--set", "config.listen=0.0.0.0:1")
        self.assertIn("minReplicas", refusal("--set", "autoscaling.enabled=true,autoscaling.minReplicas=11"))
        self.assertIn("autoscaling needs", refusal("--set", "autoscaling.enabled=true,autoscaling.cpuUtilization=null"))


if __name__ == "__main__":
    chart.main()
