"""The stand-in for NVIDIA's profiler image: the command lines of every operator era, its files, and the image's file system."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

from sextant import BINARY, EXIT_BAD_INPUT, EXIT_OK, ROOT, SextantTest

PYTHON = ROOT / "deploy" / "python"
sys.path.insert(0, str(PYTHON))
from sextant_profiler import jobs, outcome  # noqa: E402  (found through the line above)

POD = {"DGDR_NAME": "demo", "DGDR_NAMESPACE": "team", "DGDR_UID": "0b5", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
BLOB = """\
deployment:
  dgd_image: nvcr.io/nvidia/ai-dynamo/vllm-runtime:0.9.1
  model: Qwen/Qwen3-32B
  namespace: team
engine:
  backend: vllm
hardware:
  numGpusPerNode: 8
sla:
  isl: 3000
  itl: 20
  osl: 150
  ttft: 300
"""
SPEC = {
    "model": "Qwen/Qwen3-32B", "backend": "auto", "image": "nvcr.io/nvidia/ai-dynamo/dynamo-planner:1.3.0",
    "hardware": {"gpuSku": "h200_sxm", "vramMb": 143771, "numGpusPerNode": 8}, "workload": {"isl": 3000, "osl": 150},
    "sla": {"ttft": 300, "itl": 20}, "searchStrategy": "rapid", "autoApply": False, "overrides": None,
    "features": {"planner": {"enable_throughput_scaling": True}},
}
SIMULATED = {"SEXTANT_PROFILE_ARGS": "--host simulated --simulation virtual --gpus 16", "KUBERNETES_SERVICE_HOST": ""}


class Translation(unittest.TestCase):
    """Command lines as the operators' controllers build them; nothing is started."""

    def test_operators_up_to_0_9_give_a_blob(self):
        job = jobs.profile_sla(["--profile-config", BLOB + "output_dir: /data\n", "--enable-gpu-discovery"], POD)
        self.assertEqual((job.command, job.output_dir), ("profile", "/data"))
        self.assertEqual(job.words, ["--enable-gpu-discovery", "--host", "kubernetes"])
        self.assertEqual(job.document["metadata"], {"name": "demo", "namespace": "team"})
        config = job.document["spec"]["profilingConfig"]["config"]
        self.assertEqual(config["deployment"]["dgd_image"], "nvcr.io/nvidia/ai-dynamo/vllm-runtime:0.9.1")
        self.assertNotIn("output_dir", config)

    def test_a_blob_may_be_a_python_dict_yaml_or_json(self):
        for text in ("{'sla': {'isl': 5}, 'sweep': {'dryRun': True, 'webuiPort': None}}", '{"sla": {"isl": 5}, "sweep": {"dryRun": true}}',
                     "sla: {isl: 5}\nsweep: {dryRun: yes}"):
            job = jobs.profile_sla(["--profile-config", text], {})
            self.assertEqual(job.document["spec"]["profilingConfig"]["config"], {"sla": {"isl": 5}, "sweep": {"dryRun": True}}, text)

    def test_flags_of_the_script_pass_through_and_win(self):
        job = jobs.profile_sla(["--profile-config", "outputDir: a", "--output-dir", "b", "--isl", "7", "--max-num-gpus", "4"], {})
        self.assertEqual((job.output_dir, job.words), ("b", ["--isl", "7", "--max-num-gpus", "4"]))

    def test_the_ai_configurator_needs_no_cluster(self):
        for key in ("useAiConfigurator", "use_ai_configurator"):
            self.assertEqual(jobs.profile_sla(["--profile-config", f"sweep: {{{key}: true}}"], POD).words, [])

    def test_operators_from_1_0_give_a_spec(self):
        job = jobs.profiler(["--config", json.dumps(SPEC), "--output-dir", "/data"], POD)
        self.assertEqual((job.words, job.output_dir), (["--mode", "estimated"], "/data"))
        self.assertNotIn("overrides", job.document["spec"])
        thorough = jobs.profiler(["--config", json.dumps({**SPEC, "searchStrategy": "thorough"}), "--deployment-timeout", "60"], POD)
        self.assertEqual(thorough.words, ["--deployment-timeout", "60", "--host", "kubernetes"])

    def test_another_image_of_the_job_names_no_workers(self):
        environment = {"SEXTANT_DYNAMO_IMAGE": "nvcr.io/nvidia/ai-dynamo/dynamo-planner:1.2.1"}
        for own, derived in (("reg:5000/sextant:1.2.1", environment["SEXTANT_DYNAMO_IMAGE"]),
                             ("reg:5000/x/dynamo-planner:1.3.0", "reg:5000/x/dynamo-planner:1.3.0"),
                             ("reg/vllm-runtime@sha256:ab", "reg/vllm-runtime@sha256:ab")):
            self.assertEqual(jobs.dynamo_image(own, environment), derived)
        self.assertEqual(jobs.dynamo_image("reg/sextant:1", {}), "reg/sextant:1")

    def test_words_of_the_environment_choose_the_host(self):
        environment = {**POD, "SEXTANT_PROFILE_ARGS": "--host simulated --seed 3"}
        self.assertEqual(jobs.profile_sla([], environment).words, ["--host", "simulated", "--seed", "3"])

    def test_what_cannot_be_understood_is_said_in_one_line(self):
        for translate, argv, reason in (
                (jobs.profile_sla, ["--profile-config", "a: [1"], "neither a Python dict, nor YAML, nor JSON"),
                (jobs.profile_sla, ["--profile-config", "[1]"], "found list"),
                (jobs.profile_sla, ["--profile-config"], "expected one argument"),
                (jobs.profiler, ["--output-dir", "x"], "--config"),
                (jobs.profiler, ["--config", "/nowhere.json"], "No such file"),
                (jobs.profiler, ["--config", "{}", "--isl", "4"], "--isl")):
            with self.assertRaises(jobs.BadJob) as raised:
                translate(argv, {})
            self.assertIn(reason, str(raised.exception))
            self.assertNotIn("\n", str(raised.exception))

    def test_a_status_survives_grep_and_double_quotes(self):
        text = outcome.failed_status("status: running\nphase: SweepingDecode\n", 'no "x": a\\b\n# \'c\' ', "2026-01-01T00:00:00Z")
        self.assertIn("\nphase: SweepingDecode\n", text)
        for line in text.splitlines():
            self.assertRegex(line, r"^(status|timestamp|message|error|phase): [^\"'`\\]+$")
        self.assertEqual(outcome.error_of(["x\n", "a: bad\n", "b: bad\n", "2 errors; nothing was started\n"], 2), "a: bad; b: bad")
        self.assertIn("signal 9", outcome.error_of([], -9))


class Jobs(SextantTest):
    """The same command lines with the program behind them; engines are simulated."""

    def job(self, module, *arguments, environment=None, expect=EXIT_OK):
        done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=150, cwd=self.folder,
                              env={**os.environ, **POD, **SIMULATED, "SEXTANT_BINARY": BINARY, "PYTHONPATH": str(PYTHON),
                                   "SEXTANT_TEST_MARK": self.mark, **(environment or {})})
        self.assertEqual(done.returncode, expect, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def grep(self, key, folder="data"):
        """The value that a side-car's grep finds."""
        lines = re.findall(rf"^{key}: (.*)$", (self.folder / folder / "profiler_status.yaml").read_text(), re.MULTILINE)
        return lines[0] if len(lines) == 1 else lines

    def kinds(self, name):
        return re.findall(r"^kind: (\w+)$", (self.folder / "data" / name).read_text(), re.MULTILINE)

    def test_the_job_of_operators_up_to_0_9(self):
        self.job("benchmarks.profiler.profile_sla", "--profile-config", BLOB + f"output_dir: {self.folder}/data\n",
                 "--enable-gpu-discovery")
        self.assertEqual(self.grep("status"), "success")
        for name in ("config_with_planner.yaml", "mocker_config_with_planner.yaml"):
            self.assertEqual(self.kinds(name), ["ConfigMap", "DynamoGraphDeployment"])

    def test_the_job_of_operators_from_1_0(self):
        self.job("dynamo.profiler", "--config", json.dumps(SPEC), "--output-dir", "data")
        self.assertEqual((self.grep("status"), self.grep("phase")), ("success", "Done"))
        self.assertEqual(self.kinds("final_config.yaml")[-1], "DynamoGraphDeployment")
        self.assertIn("nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.0", (self.folder / "data/final_config.yaml").read_text())

    def test_a_thorough_job_measures_and_a_missed_target_is_an_answer(self):
        spec = {**SPEC, "searchStrategy": "thorough", "backend": "vllm", "sla": {"ttft": 0.5, "itl": 20}}
        self.job("dynamo.profiler", "--config", json.dumps(spec), "--output-dir", "data")
        self.assertEqual(self.grep("status"), "success")
        self.assertIn("target is not met", self.grep("message"))

    def test_phases_can_be_followed_while_the_job_runs(self):
        spec = {**SPEC, "searchStrategy": "thorough", "backend": "vllm"}
        status, seen = self.folder / "data/profiler_status.yaml", []

        def follow():
            for line in status.read_text().splitlines() if status.is_file() else ():
                if line.startswith("phase: ") and line[7:] not in seen:
                    seen.append(line[7:])

        with subprocess.Popen([sys.executable, "-m", "dynamo.profiler", "--config", json.dumps(spec), "--output-dir", "data"],
                              cwd=self.folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              env={**os.environ, **SIMULATED, "SEXTANT_PROFILE_ARGS": "--host simulated --simulation live",
                                   "SEXTANT_BINARY": BINARY, "PYTHONPATH": str(PYTHON), "SEXTANT_TEST_MARK": self.mark}) as job:
            while job.poll() is None:
                follow()
                time.sleep(0.01)
        follow()
        self.assertEqual((job.returncode, self.grep("status")), (0, "success"))
        known = ["Initializing", "SweepingPrefill", "SweepingDecode", "SelectingConfig", "BuildingCurves", "GeneratingDGD", "Done"]
        self.assertLessEqual(set(seen), set(known))
        self.assertLessEqual({"Initializing", "SweepingPrefill", "BuildingCurves", "Done"}, set(seen))

    def test_a_bad_request_fails_with_its_reason(self):
        bad = {**SPEC, "sla": {"ttft": -1, "itl": "x"}}
        self.job("dynamo.profiler", "--config", json.dumps(bad), "--output-dir", "data", expect=EXIT_BAD_INPUT)
        self.assertEqual((self.grep("status"), self.grep("phase")), ("failed", "Initializing"))
        for part in ("spec.sla.ttft", "spec.sla.itl"):
            self.assertIn(part, self.grep("error"))

    def test_the_oldest_side_car_is_not_left_waiting(self):
        self.job("benchmarks.profiler.profile_sla", "--profile-config", f"sla: {{isl: x}}\noutput_dir: {self.folder}/data\n",
                 expect=EXIT_BAD_INPUT)
        self.assertTrue((self.folder / "data/config_with_planner.yaml").read_text().startswith("# no deployment"))
        self.assertEqual(self.grep("status"), "failed")

    def test_a_program_that_dies_leaves_a_status(self):
        killer = self.folder / "killer"
        killer.write_text("#!/bin/sh\necho last words >&2\nkill -9 $$\n")
        killer.chmod(0o755)
        self.job("dynamo.profiler", "--config", json.dumps(SPEC), "--output-dir", "data", environment={"SEXTANT_BINARY": str(killer)},
                 expect=137)
        self.assertIn("signal 9 after - last words", self.grep("error"))
        self.job("dynamo.profiler", "--config", json.dumps(SPEC), "--output-dir", "none", environment={"SEXTANT_BINARY": "/nowhere"},
                 expect=1)
        self.assertEqual(self.grep("status", "none"), "failed")

    def test_the_endpoint_script_of_both_packages(self):
        for module in ("benchmarks.profiler.profile_endpoint", "dynamo.profiler.profile_endpoint"):
            done = self.job(module, "--mode", "neither", "--url", "localhost", "--work_dir", "x", expect=EXIT_BAD_INPUT)
            self.assertIn("--mode", done.stderr)

    def test_the_image_serves_a_job_of_each_era(self):
        """In a chroot, as user 1000, from the root file system that the image has; no container engine is used."""
        if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
            self.skipTest("needs root and mmdebstrap (tools/install_packages image)")
        root = ROOT / "build" / "image_root"
        built = subprocess.run([ROOT / "deploy/image/build_root", BINARY, root], capture_output=True, text=True, timeout=600)
        if built.returncode != 0 and "mmdebstrap" in built.stderr:
            self.skipTest(f"no packages: {built.stderr[-500:]}")
        self.assertEqual(built.returncode, 0, built.stderr)
        shutil.copy(self.copier(), root / "copier")
        for module, arguments, output in (
                ("benchmarks.profiler.profile_sla", ["--profile-config", BLOB + "output_dir: /data\n"], "config_with_planner.yaml"),
                ("dynamo.profiler", ["--config", json.dumps(SPEC), "--output-dir", "/data"], "final_config.yaml")):
            shutil.rmtree(root / "data")
            (root / "data").mkdir()
            os.chown(root / "data", 1000, 1000)
            run = ["chroot", "--userspec=1000:1000", root, "env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "DGDR_NAME=demo",
                   "DGDR_NAMESPACE=team", f"SEXTANT_TEST_MARK={self.mark}",
                   f"SEXTANT_PROFILE_ARGS={SIMULATED['SEXTANT_PROFILE_ARGS']}"]
            done = subprocess.run([*run, "python", "-m", module, *arguments], capture_output=True, text=True, timeout=150)
            self.assertEqual(done.returncode, 0, done.stderr)
            copied = subprocess.run([*run, "/bin/sh", "/copier", output], capture_output=True, text=True, timeout=30)
            self.assertEqual(copied.returncode, 0, copied.stderr)
            self.assertIn("kind: DynamoGraphDeployment", copied.stdout)
            self.assertTrue((root / "data/prefill_performance.png").is_file(), "plots are drawn in the image")

    def copier(self):
        """What a side-car does with /data: waits for the status, reads it with grep, puts the output into a ConfigMap with sed."""
        path = self.folder / "copier"
        path.write_text("""set -e
test "$(grep '^status:' /data/profiler_status.yaml | sed 's/^status: //')" = success
kubectl version --client >/dev/null
printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: dgdr-output-%s\\ndata:\\n  %s: |\\n' "$DGDR_NAME" "$1"
sed 's/^/    /' "/data/$1"
""")
        return path


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
