"""`sextant estimate --rows`: one prediction per row, whatever measured columns are there; nonsense has a reason; bad files."""
import csv
import pathlib
import tempfile
import unittest

from sextant import EXIT_BAD_INPUT, SextantTest

HEADER = "row,id,backend,model_path,system,precision,mode,isl,osl,concurrency,tp_size"
GOOD = '0,"llama, ""tp4""",vllm,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,1024,1024,{},4'
NONSENSE = "9,n,vllm,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,1024,1024,16,-4"


class Rows(SextantTest):

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def predict(self, *lines, options=()):
        table, out = self.folder / "in.csv", self.folder / "out.csv"
        table.write_text("\n".join(lines) + "\n")
        self.run_to_end("estimate", "--rows", table, "--output", out, *options)
        with out.open(newline="") as file:
            return list(csv.DictReader(file))

    def test_rows_in_their_order_with_bands_and_reasons(self):
        few, many, nonsense = self.predict(HEADER, GOOD.format(4), GOOD.format(64), NONSENSE)
        self.assertEqual(few["id"], 'llama, "tp4"')
        self.assertLess(float(few["tpot_ms"]), float(many["tpot_ms"]))
        for name in ("ttft", "tpot"):
            self.assertLess(float(few[f"{name}_low_ms"]), float(few[f"{name}_ms"]))
            self.assertLess(float(few[f"{name}_ms"]), float(few[f"{name}_high_ms"]))
        self.assertIn(few["tier"], ("measured", "fitted"))
        self.assertIn("tp_size", nonsense["reason"])
        self.assertEqual(nonsense["ttft_ms"], "")

    def test_measured_columns_change_nothing(self):
        plain = self.predict(HEADER, GOOD.format(16))
        self.assertEqual(plain, self.predict(HEADER + ",silicon_tpot_ms,aic_tpot_ms", GOOD.format(16) + ",1,2"))

    def test_measured_points_correct_their_deployment(self):
        plain = float(self.predict(HEADER, GOOD.format(16))[0]["tpot_ms"])
        points = self.folder / "points.csv"
        points.write_text(f"{HEADER},silicon_tpot_ms\n" + "".join(f"{GOOD.format(n)},{plain * 1.5}\n" for n in (15, 16, 17)))
        corrected = float(self.predict(HEADER, GOOD.format(16), options=("--measured", points))[0]["tpot_ms"])
        self.assertGreater(corrected, 1.3 * plain)
        other = GOOD.replace("h200_sxm", "h100_sxm").format(16)
        self.assertEqual(self.predict(HEADER, other), self.predict(HEADER, other, options=("--measured", points)))

    def test_a_bad_file_names_every_error(self):
        table = self.folder / "bad.csv"
        table.write_text('backend,system\nvllm\n"never closed')
        error = self.run_to_end("estimate", "--rows", table, expect=EXIT_BAD_INPUT).stderr
        for part in ("model_path", "isl", "osl", "line 2", "line 3", "--output"):
            self.assertIn(part, error)


if __name__ == "__main__":
    unittest.main()
