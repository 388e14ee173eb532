"""`--host kubernetes` against a real Kubernetes API server: a whole profile, doomed deployments, permissions, leftovers. What
the server lacks is played by kubernetes/agent.py. Exit code 77: there is no Go to build the server, skipped."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "kubernetes"))

import yaml  # noqa: E402

import agent  # noqa: E402
import cluster  # noqa: E402

SKIPPED = 77
SEXTANT = pathlib.Path(os.environ["SEXTANT"])
SAMPLE = HERE.parents[1] / "deploy" / "samples" / "qwen3-32b.yaml"
RBAC = HERE.parents[1] / "deploy" / "kubernetes" / "rbac.yaml"
SMALL = ["--isl", "256", "--osl", "16", "--max-context-length", "1024", "--prefill-interpolation-granularity", "4",
         "--decode-interpolation-granularity", "2", "--max-num-gpus-per-engine", "1"]


class KubernetesHost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.cluster = cluster.Cluster(cls.path)
        cls.api = agent.Api(cls.path)
        agent.prepare(cls.api, "dyn", HERE / "kubernetes")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()
        cls.folder.cleanup()

    def play(self, outcome=None):
        player = agent.Agent(self.api, "dyn", agent.null_engine(SEXTANT.with_name("null_server")), lambda _: outcome)
        player.start()
        self.addCleanup(player.stop)
        return player

    def profile(self, name, *more, kubeconfig=None, namespace="dyn"):
        return subprocess.run([SEXTANT, "profile", SAMPLE, "--host", "kubernetes", "--kubeconfig",
                               kubeconfig or self.cluster.kubeconfig, "--namespace", namespace, "--output-dir", self.path / name,
                               *SMALL, *more], capture_output=True, text=True, timeout=150, check=False)

    def assert_nothing_left(self, player):
        self.assertEqual(self.api.items(player.deployments_path), [])
        self.assertEqual(self.api.items(player.pods_path), [])
        self.assertEqual(self.api.items("/apis/coordination.k8s.io/v1/namespaces/dyn/leases"), [])

    def test_whole_profile(self):
        player = self.play()
        done = self.profile("whole")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("FEASIBLE", done.stdout)
        self.assertGreaterEqual(len(player.seen), 2)
        for deployment in player.seen:
            self.assertEqual(deployment["metadata"]["labels"]["app.kubernetes.io/managed-by"], "sextant")
            self.assertLessEqual(len(deployment["metadata"]["name"]), 45)
        self.assert_nothing_left(player)

    def test_doomed_deployments(self):
        texts = {"image": "cannot be pulled", "crash": "ends again and again", "oom": "more memory than its limit",
                 "secret": "hf-token-secret", "unschedulable": "Insufficient nvidia.com/gpu", "mount": "no-such-map",
                 "quota": "exceeded quota"}
        for outcome, text in texts.items():
            with self.subTest(outcome):
                player = self.play(outcome)
                done = self.profile(outcome)
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                self.assertIn(text, done.stdout + done.stderr)
                for name, born in player.born.items():
                    self.assertLess(player.died[name] - born, 10, name)
                self.assert_nothing_left(player)
                player.stop()

    def test_permissions(self):
        documents = [d for d in yaml.safe_load_all(RBAC.read_text()) if d["kind"] == "Role"]
        rules = documents[0]["rules"]
        roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/dyn/"
        self.api.call("POST", roles + "rolebindings", {
            "metadata": {"name": "limited"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"},
            "subjects": [{"kind": "User", "name": "limited", "apiGroup": "rbac.authorization.k8s.io"}]})
        refused = self.profile("refused", kubeconfig=self.cluster.limited)
        self.assertEqual(refused.returncode, 2)
        for verb in ("create dynamographdeployments.nvidia.com", "watch pods", "get pods/log"):
            self.assertIn(verb, refused.stderr)
        less = [{**r, "verbs": [v for v in r["verbs"] if v != "delete"]} for r in rules]
        self.api.call("POST", roles + "roles", {"metadata": {"name": "limited"}, "rules": less})
        refused = self.profile("less", kubeconfig=self.cluster.limited)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("no permission to delete dynamographdeployments.nvidia.com in namespace dyn", refused.stderr)
        self.assertIn("1 error", refused.stderr)
        self.api.call("PUT", roles + "roles/limited", {"metadata": {"name": "limited"}, "rules": rules})
        player = self.play("image")
        granted = self.profile("granted", kubeconfig=self.cluster.limited)
        self.assertEqual(granted.returncode, 3, granted.stderr)
        self.assert_nothing_left(player)

    def test_bad_input(self):
        self.assertIn("which the cluster does not have", self.profile("a", namespace="nowhere").stderr)
        expired = self.cluster.write_kubeconfig("expired", "no-such-token")
        refused = self.profile("b", kubeconfig=expired)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("does not accept the credentials", refused.stderr)
        self.assertNotIn("no-such-token", refused.stderr)
        missing = self.profile("c", kubeconfig=self.path / "lost")
        self.assertEqual(missing.returncode, 2)
        self.assertIn("--kubeconfig", missing.stderr)

    def test_leftovers(self):
        player = self.play()
        old = {"apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoGraphDeployment", "spec": {"services": {}},
               "metadata": {"name": "young", "labels": {"app.kubernetes.io/managed-by": "sextant", "sextant.dev/session": "other"}}}
        self.api.call("POST", player.deployments_path, old)
        process = subprocess.Popen([SEXTANT, "profile", SAMPLE, "--host", "kubernetes", "--kubeconfig", self.cluster.kubeconfig,
                                    "--namespace", "dyn", "--output-dir", self.path / "killed", *SMALL],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(any(len(player.born) >= 2 for _ in agent.moments(60)))
        self.assertIn("a directory of its own", self.profile("killed").stderr)  # nothing of the running one is removed
        process.kill()
        process.wait()
        again = self.profile("killed")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("which an earlier run left", again.stderr)
        self.assertEqual([d["metadata"]["name"] for d in self.api.items(player.deployments_path)], ["young"])
        self.api.call("DELETE", player.deployments_path + "/young")


if __name__ == "__main__":
    if not cluster.program():
        sys.exit(SKIPPED)
    unittest.main()
