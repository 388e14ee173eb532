"""`sextant estimate` from outside: text, JSON, one point, output directory, refusals with every error at once."""
import json
import pathlib
import tempfile
import unittest

from sextant import EXIT_BAD_INPUT, EXIT_INFEASIBLE, SAMPLES, SextantTest

SEARCH = ("--model", "Qwen/Qwen3-32B", "--gpu", "h200_sxm", "--backend", "vllm", "--gpus", "32", "--isl", "4000", "--osl", "1000")


class Estimate(SextantTest):

    def json_of(self, *arguments, **more):
        return json.loads(self.run_to_end("estimate", *arguments, "--format", "json", **more).stdout)

    def test_search_of_flags_names_pick_front_and_why_not(self):
        text = self.run_to_end("estimate", *SEARCH, "--ttft", "1000", "--itl", "40").stdout
        for part in ("ESTIMATED", "PICK", "Pareto front", "Runners-up", "Why not", "tok/s/user"):
            self.assertIn(part, text)

    def test_json_has_the_same_answer(self):
        answer = self.json_of(*SEARCH, "--ttft", "1000", "--itl", "40")
        self.assertTrue(answer["estimated"] and answer["feasible"])
        self.assertEqual(answer["pick"], answer["ranked"][0])
        within = [d for d in answer["ranked"] if d["meets_target"]]
        self.assertEqual(max(d["tokens_per_s_per_gpu"] for d in within), answer["pick"]["tokens_per_s_per_gpu"])
        front = answer["pareto_front"]
        self.assertGreater(len(front), 5)
        for a, b in zip(front, front[1:]):
            self.assertLess(a["tokens_per_s_per_user"], b["tokens_per_s_per_user"])
            self.assertGreater(a["tokens_per_s_per_gpu"], b["tokens_per_s_per_gpu"])
        self.assertTrue(all(d["note"] for d in answer["ranked"]))

    def test_target_out_of_reach_ends_with_the_nearest(self):
        answer = self.json_of(*SEARCH, "--itl", "0.1", expect=EXIT_INFEASIBLE)
        self.assertFalse(answer["feasible"])
        self.assertEqual(answer["binding_constraint"], "itl")
        self.assertIn("nearest", answer["pick"]["note"])

    def test_load_decides_the_number_of_gpus(self):
        little = self.json_of(*SEARCH, "--concurrency", "8", "--itl", "60")
        much = self.json_of(*SEARCH, "--concurrency", "400", "--itl", "60")
        self.assertEqual(little["picking"], "load_match")
        self.assertLessEqual(little["load"]["total_gpus_needed"], much["load"]["total_gpus_needed"])

    def test_output_directory_is_that_of_a_profile_and_marked(self):
        for sample in ("qwen3-32b", "qwen3-8b-v1beta1"):
            out = self.folder / sample
            # A target that the model believes in for both: what is looked at here are the files.
            self.run_to_end("estimate", SAMPLES / f"{sample}.yaml", "--ttft", "8000", "--output-dir", out)
            for name in ("config_with_planner.yaml", "planner-profile-data.yaml", "report.html", "pareto_frontier.png",
                         "selected_prefill_interpolation/raw_data.npz", "selected_decode_interpolation/raw_data.npz"):
                self.assertTrue((out / name).is_file(), name)
            self.assertIn("Estimated", (out / "config_with_planner.yaml").read_text().splitlines()[0])
            self.assertIn("estimated", (out / "report.html").read_text())
            self.assertTrue(self.result(out)["estimated"])
            self.assertEqual({p["clock"] for p in self.points(out)}, {"estimated"})

    def test_profile_with_the_dry_estimate_gives_the_same_engines(self):
        one, other = self.folder / "one", self.folder / "other"
        self.run_to_end("estimate", SAMPLES / "qwen3-32b.yaml", "--output-dir", one)
        self.run_to_end("profile", SAMPLES / "qwen3-32b.yaml", "--use-ai-configurator", "--output-dir", other)
        self.assertEqual(self.choice(one), self.choice(other))

    def test_hybrid_measures_the_best_only(self):
        out = self.folder / "out"
        self.run_to_end("profile", SAMPLES / "qwen3-32b.yaml", "--simulation", "virtual", "--mode", "hybrid", "--top", "1",
                        "--output-dir", out)
        result = self.result(out)
        self.assertEqual(len({p["engine"] for p in self.points(out)}), 2)
        self.assertTrue(all(p["predicted_ms"] > 0 and p["measured_ms"] > 0 for p in result["predictions"]))

    def test_nonsense_is_refused_with_every_error(self):
        table = [
            (("--gpus", "0"), ["--gpus"]),
            (("--isl", "-5", "--osl", "0"), ["--isl", "--osl"]),
            (("--gpu", "h900"), ["--gpu"]),
            (("--tp", "3"), ["--tp"]),
            (("--tp", "3", "--dp", "2"), ["--tp", "--dp"]),
            (("--tp", "0", "--gpu", "h900", "--isl", "-1"), ["--tp", "--gpu", "--isl"]),
        ]
        for flags, places in table:
            program = self.run_to_end("estimate", "--model", "Qwen/Qwen3-32B", *flags, expect=EXIT_BAD_INPUT)
            for place in places:
                self.assertIn(place + ":", program.stderr, flags)
            self.assertEqual(program.stdout, "")

    def test_tables_are_refused_or_named(self):
        with tempfile.TemporaryDirectory() as folder:
            foreign = pathlib.Path(folder) / "foreign.sxt"
            foreign.write_bytes(b"not tables" * 100)
            error = self.run_to_end("estimate", "--model", "Qwen/Qwen3-32B", "--tables", foreign, "--isl", "-1", "--tp", "3",
                                    expect=EXIT_BAD_INPUT).stderr
        for place in ("--tables:", "--isl:", "--tp:"):
            self.assertIn(place, error)
        text = self.run_to_end("estimate", *SEARCH, "--tables", "none").stdout
        self.assertIn("formulas answered", text)
        self.assertIn("tier fitted", text)

    def test_measured_points_and_own_gpu(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            points, gpu = folder / "points.csv", folder / "mine.yaml"
            head = "backend,model_path,system,isl,osl,tp_size,concurrency,silicon_ttft_ms,silicon_tpot_ms\n"
            points.write_text(head + "vllm,Qwen/Qwen3-32B,h200_sxm,4000,1000,2,64,,80\n")
            point = (*SEARCH[:6], "--tp", "2", "--isl", "4000", "--osl", "1000", "--concurrency", "64")
            plain, corrected = self.json_of(*point), self.json_of(*point, "--measured", points)
            self.assertGreater(corrected["tpot_ms"]["value"], 0.9 * 80)
            self.assertLess(plain["tpot_ms"]["value"], 60)
            points.write_text(head + "vllm,Qwen/Qwen3-32B,h900,4000,1000,2,64,,fast\n")
            error = self.run_to_end("estimate", *point, "--measured", points, expect=EXIT_BAD_INPUT).stderr
            self.assertIn("row 1: system", error)
            self.assertIn("row 1: silicon_tpot_ms", error)
            gpu.write_text("name: mine\nmemory_bytes: 96e9\nmemory_bandwidth: 4e12\nbf16_flops: 1e15\nintra_node_bandwidth: 4e11\n")
            own = self.json_of("--model", "Qwen/Qwen3-32B", "--gpu", gpu, "--backend", "vllm", "--tp", "2")
            self.assertGreater(own["tpot_ms"]["value"], 0)

    def test_unknown_model_says_which_file_it_needs(self):
        program = self.run_to_end("estimate", "--model", "nobody/knows-this", expect=EXIT_BAD_INPUT)
        self.assertIn("--model", program.stderr)
        self.assertIn("config.json", program.stderr)


if __name__ == "__main__":
    unittest.main()
