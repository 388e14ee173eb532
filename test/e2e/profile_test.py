"""`sextant profile` from outside: files, exit codes, refusals, progress in a pipe and as JSON, plan, pick."""
import json
import re
import time
import unittest

from sextant import EXIT_BAD_INPUT, EXIT_INFEASIBLE, SAMPLES, SextantTest, sample_with

SAMPLE = SAMPLES / "qwen3-32b.yaml"
VIRTUAL = ("--simulation", "virtual")

FILES = [
    "profile_sla.log", "profiler_status.yaml", "disagg_config.yaml", "prefill_performance.png", "decode_performance.png",
    "cost_sla.png", "config_with_planner.yaml", "mocker_config_with_planner.yaml", "planner-profile-data.yaml", "report.html",
    "sextant_result.json", "points.jsonl",
    "selected_prefill_interpolation/config.yaml", "selected_prefill_interpolation/raw_data.npz",
    "selected_decode_interpolation/config.yaml", "selected_decode_interpolation/raw_data.npz",
]


class Profile(SextantTest):

    def test_writes_the_whole_output_directory(self):
        out = self.folder / "out"
        program = self.run_to_end("profile", SAMPLE, *VIRTUAL, "--output-dir", out)
        self.assertEqual([f for f in FILES if not (out / f).is_file() or (out / f).stat().st_size == 0], [])
        for folder in ("selected_prefill_interpolation", "selected_decode_interpolation"):
            self.assertEqual(len(list((out / folder).glob("*.png"))), 2, folder)
        self.assertTrue(list(out.glob("dgdr-output-*.yaml")))
        for role in ("prefill", "decode"):
            candidates = [p for p in out.glob(f"{role}_*gpus_*") if p.is_dir()]
            self.assertTrue(candidates, role)
            for candidate in candidates:
                self.assertTrue((candidate / "config.yaml").is_file(), candidate)
            self.assertTrue([e for c in candidates for e in c.rglob("profile_export_aiperf.json")], role)
        status = (out / "profiler_status.yaml").read_text()
        self.assertRegex(status, r"status: [\"']?success")
        self.assertIn("FEASIBLE", program.stdout)
        self.assertIn("simulated", program.stdout)
        self.assertEqual([str(p) for p in out.rglob("*.tmp*")], [], "files appear by renaming; no rest may stay")
        html = (out / "report.html").read_text()
        self.assertIsNone(re.search(r"(?:src|href)\s*=\s*[\"']https?:", html), "the report is self-contained")

    def test_pipe_gets_one_clean_line_per_event(self):
        program = self.run_to_end("profile", SAMPLE, *VIRTUAL, "--output-dir", self.folder / "out")
        lines = program.stderr.splitlines()
        self.assertGreater(len(lines), 10)
        for line in lines:
            self.assertRegex(line, r"^[\x20-\x7e]*$", "no escape sequences, no carriage returns in a pipe")

    def test_json_events_are_envelopes_and_end_with_the_answer(self):
        program = self.run_to_end("profile", SAMPLE, *VIRTUAL, "--json-events", "--output-dir", self.folder / "out")
        events = [json.loads(line) for line in program.stdout.splitlines()]
        for event in events:
            self.assertEqual(event["v"], 1)
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        self.assertEqual(len({e["request"] for e in events}), 1)
        self.assertEqual([e["kind"] for e in events].count("profile_finished"), 1)
        self.assertEqual(events[-1]["kind"], "profile_finished")
        self.assertTrue(events[-1]["body"]["result"]["feasible"])
        self.assertIn("point_measured", {e["body"].get("what") for e in events})

    def test_target_that_cannot_be_met_is_an_answer(self):
        out = self.folder / "out"
        program = self.run_to_end("profile", SAMPLE, *VIRTUAL, "--itl", "0.5", "--output-dir", out, expect=EXIT_INFEASIBLE)
        result = self.result(out)
        self.assertFalse(result["feasible"])
        self.assertEqual(result["binding_constraint"], "itl")
        self.assertGreater(result["achievable"]["itl_ms"], 0.5)
        self.assertTrue(result["alternatives"])
        self.assertIn("NOT FEASIBLE", program.stdout)
        # The target that is said to be met really is.
        again = self.folder / "again"
        self.run_to_end("profile", SAMPLE, *VIRTUAL, "--output-dir", again,
                        "--itl", f"{result['achievable']['itl_ms'] * 1.02:.4f}", "--ttft", f"{result['achievable']['ttft_ms'] * 1.02:.4f}")
        self.assertTrue(self.result(again)["feasible"])

    def test_refusal_names_every_error_with_its_place_and_starts_nothing(self):
        bad = sample_with({r"isl: *\d+": "isl: many", r"osl: *\d+": "osl: -4", r"(\n *)itl: *\S+": r"\1itll: 20"}, self.folder)
        out = self.folder / "out"
        program = self.run_to_end("profile", bad, "--output-dir", out, expect=EXIT_BAD_INPUT)
        text = bad.read_text().splitlines()
        for needle, says in (("isl: many", "many"), ("osl: -4", "-4"), ("itll: 20", "itl")):
            line = next(i for i, l in enumerate(text, 1) if needle in l)
            found = [l for l in program.stderr.splitlines() if re.search(rf"{re.escape(bad.name)}:{line}:\d+:", l)]
            self.assertEqual(len(found), 1, f"one error for {needle!r}:\n{program.stderr}")
            self.assertIn(says, found[0])
            self.assertIn("accepted", found[0])
        self.assertFalse(out.exists(), "nothing was started, nothing is left")
        self.assertEqual(program.stdout, "")

    def test_wrong_flags_and_files_are_refused(self):
        for arguments, says in (
            (("profile", SAMPLE, "--tftt", "300"), "ttft"),
            (("profile", SAMPLE, "--ttft", "fast"), "--ttft"),
            (("profile", self.folder / "nowhere.yaml"), "nowhere.yaml"),
            (("profile", self.folder), "directory"),
            (("profil", SAMPLE), "profile"),
        ):
            program = self.run_to_end(*arguments, expect=EXIT_BAD_INPUT)
            self.assertIn(says, program.stderr, arguments)

    def test_help_of_every_command_comes_from_the_table(self):
        for command in ("profile", "serve", "submit", "watch", "cancel", "results", "list", "pick"):
            program = self.run_to_end(command, "--help")
            self.assertIn("--", program.stdout, command)
        self.assertIn("--prefill-interpolation-granularity", self.run_to_end("profile", "--help").stdout)

    def test_dry_run_shows_the_plan_and_deploys_nothing(self):
        out = self.folder / "out"
        program = self.run_to_end("profile", SAMPLE, "--dry-run", "--output-dir", out)
        for word in ("prefill-TP1", "decode-TP1", "GPU-seconds"):
            self.assertIn(word, program.stdout)
        self.assertFalse((out / "points.jsonl").exists())
        self.assertFalse((out / ".sextant").exists(), "no message server for a plan")

    def test_json_document_and_options_give_the_same_as_yaml(self):
        document = {
            "apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoGraphDeploymentRequest", "metadata": {"name": "from-json"},
            "spec": {"model": "Qwen/Qwen3-32B", "backend": "vllm", "profilingConfig": {"config": {
                "sla": {"isl": 3000, "osl": 500, "ttft": 300, "itl": 20}}}},
        }
        path = self.folder / "request.json"
        path.write_text(json.dumps(document, indent=2))
        for name, request in (("json", path), ("yaml", SAMPLE)):
            self.run_to_end("profile", request, *VIRTUAL, "--ttft", "300", "--itl", "20", "--output-dir", self.folder / name)
        self.assertEqual(self.choice(self.folder / "json"), self.choice(self.folder / "yaml"))

    def test_pick_repeats_the_choice_from_stored_results(self):
        out = self.folder / "out"
        self.run_to_end("profile", SAMPLE, *VIRTUAL, "--output-dir", out)
        begin = time.monotonic()
        program = self.run_to_end("pick", out, "--ttft", "100000", "--itl", "1000")
        self.assertLess(time.monotonic() - begin, 2.0, "milliseconds; the bound only keeps engines out")
        self.assertIn("prefill", program.stdout)
        self.assertFalse(self.processes())
        self.run_to_end("pick", out, "--ttft", "0.001", "--itl", "0.001", expect=EXIT_INFEASIBLE)
        self.assertIn("nothing", self.run_to_end("pick", self.folder / "nothing", expect=EXIT_BAD_INPUT).stderr)


class LiveProfile(SextantTest):

    def test_sample_on_live_engines_runs_three_side_by_side(self):
        out = self.folder / "out"
        program = self.run_to_end("profile", SAMPLE, "--json-events", "--output-dir", out, seconds=280)
        running = [e["body"].get("engines_running", 0) for e in program.events() if e["kind"] == "progress"]
        self.assertGreaterEqual(max(running), 3)
        self.assertTrue(self.result(out)["simulated"])
        virtual = self.folder / "virtual"
        self.run_to_end("profile", SAMPLE, *VIRTUAL, "--output-dir", virtual)
        self.assertEqual(self.choice(out), self.choice(virtual))


if __name__ == "__main__":
    unittest.main(verbosity=2)
