"""Dying and going on: kill -9, Ctrl-C and a killed message server in the middle of a profile; the same answer, nothing measured twice."""
import collections
import os
import signal
import unittest

from sextant import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, SAMPLES, SextantTest, wait_until

SAMPLE = SAMPLES / "qwen3-32b.yaml"
VIRTUAL = ("--simulation", "virtual")
# A KV cache of a few requests keeps runs against the clock short.
LIGHT = ("--vram-mb", "78000", "--max-num-gpus-per-engine", "1", "--max-context-length", "4096", "--ttft", "2000", "--itl", "40")


class Resume(SextantTest):

    def profile(self, out, *more):
        return self.start("profile", SAMPLE, "--json-events", "--output-dir", out, *more)

    def finish(self, program, seconds=170):
        code = program.wait(seconds)
        self.assertEqual(code, EXIT_OK, program.stdout[-2000:] + program.stderr[-2000:])

    def assert_nothing_measured_twice(self, out, programs):
        """By what every start reported, and by what is stored."""
        reported = collections.Counter(p for program in programs for p in program.measured())
        self.assertEqual([p for p, n in reported.items() if n > 1], [])
        stored = collections.Counter(p["plan"]["point"] for p in self.points(out))
        self.assertEqual([p for p, n in stored.items() if n > 1], [])
        self.assertLessEqual(set(reported), set(stored), "a finished point was lost")

    def test_kill_at_many_moments_of_virtual_runs(self):
        whole = self.folder / "whole"
        self.finish(self.profile(whole, *VIRTUAL))
        expected = self.choice(whole)
        for moment in range(8):
            with self.subTest(moment=moment):
                out = self.folder / f"killed-{moment}"
                first = self.profile(out, *VIRTUAL)
                # By progress, not by the clock: moments 0 and 1 are before the first result, later ones spread over the run.
                events = (0, 1, 3, 6, 10, 16, 24, 34)[moment]
                wait_until(lambda: len(first.events()) >= events or not first.running(), 60, step=0.002)
                first.kill()
                self.assertTrue(wait_until(lambda: not self.processes(), 5), f"left behind: {self.processes()}")
                second = self.profile(out, *VIRTUAL)
                self.finish(second)
                self.assertEqual(self.choice(out), expected)
                self.assert_nothing_measured_twice(out, [first, second])

    def test_live_run_killed_again_and_again(self):
        whole = self.folder / "whole"
        self.finish(self.profile(whole, *VIRTUAL, *LIGHT))
        out = self.folder / "killed"
        programs = []
        for results in (1, 3, 4):
            program = self.profile(out, *LIGHT)
            programs.append(program)
            wait_until(lambda: len(program.measured()) >= results or not program.running(), 100)
            program.kill()
            self.assertTrue(wait_until(lambda: not self.processes(), 5), f"left behind: {self.processes()}")
        last = self.profile(out, *LIGHT)
        programs.append(last)
        self.finish(last)
        self.assert_nothing_measured_twice(out, programs)
        self.assertEqual(self.choice(out), self.choice(whole))

    def test_finished_request_is_answered_without_measuring(self):
        out = self.folder / "out"
        first = self.profile(out, *VIRTUAL)
        self.finish(first)
        before = self.choice(out)
        status = (out / "profiler_status.yaml").read_text()
        self.assertIn("status: success", status)
        second = self.profile(out, *VIRTUAL)
        self.finish(second)
        self.assertEqual(second.measured(), [])
        self.assertEqual(self.choice(out), before)
        self.assertEqual((out / "profiler_status.yaml").read_text(), status)

    def test_other_options_in_the_same_directory_do_not_wait_for_what_was_begun_before(self):
        out = self.folder / "out"
        first = self.profile(out)
        wait_until(lambda: first.measured(), 60)
        first.kill()
        other = self.profile(out, *VIRTUAL, "--ttft", "500")
        self.finish(other, 25)  # the first one would take longer, against the clock
        self.assertEqual({e["request"] for e in other.events()}, {other.events()[0]["request"]})
        self.assertNotIn(first.events()[0]["request"], {e["request"] for e in other.events()})

    def test_what_could_not_be_written_is_written_when_the_command_is_given_again(self):
        out = self.folder / "out"
        (out / "report.html" / "in-the-way").mkdir(parents=True)
        first = self.profile(out, *VIRTUAL)
        self.assertEqual(first.wait(60), EXIT_FAILED, first.stderr)
        self.assertIn("report.html", first.stderr)
        again = self.profile(out, *VIRTUAL)
        self.assertEqual(again.wait(60), EXIT_FAILED, "nothing has changed")
        (out / "report.html" / "in-the-way").rmdir()
        (out / "report.html").rmdir()
        last = self.profile(out, *VIRTUAL)
        self.finish(last)
        self.assertEqual(last.measured(), [])
        self.assertTrue((out / "report.html").is_file())
        self.assert_nothing_measured_twice(out, [first, again, last])

    def test_interrupt_leaves_no_process_and_goes_on_later(self):
        out = self.folder / "out"
        first = self.profile(out, *LIGHT)
        self.assertTrue(wait_until(lambda: first.measured(), 60), first.stderr)
        self.assertGreater(len(self.processes()), 1, "program and message server")
        first.signal(signal.SIGINT)
        self.assertEqual(first.wait(10), EXIT_INTERRUPTED)
        self.assertTrue(wait_until(lambda: not self.processes(), 2), f"left behind: {self.processes()}")
        self.assertIn("run the same command again", first.stderr)
        second = self.profile(out, *LIGHT)
        self.finish(second)
        self.assert_nothing_measured_twice(out, [first, second])

    def test_killed_message_server_changes_nothing(self):
        whole = self.folder / "whole"
        self.finish(self.profile(whole, *VIRTUAL, *LIGHT))
        out = self.folder / "out"
        program = self.profile(out, *LIGHT)
        for results in (1, 5):
            self.assertTrue(wait_until(lambda: len(program.measured()) >= results, 60), program.stderr)
            servers = self.processes("nats-server")
            self.assertEqual(len(servers), 1)
            os.kill(next(iter(servers)), signal.SIGKILL)
            self.assertTrue(wait_until(lambda: set(self.processes("nats-server")) - set(servers), 10), "it is started again")
        self.finish(program)
        self.assertEqual(self.choice(out), self.choice(whole))
        stored = collections.Counter(p["plan"]["point"] for p in self.points(out))
        self.assertEqual([p for p, n in stored.items() if n > 1], [])

    def test_second_start_in_the_same_directory_is_told_so(self):
        out = self.folder / "out"
        first = self.profile(out, *LIGHT)
        self.assertTrue(wait_until(lambda: first.events(), 30), first.stderr)
        second = self.profile(out, *LIGHT)
        self.assertNotEqual(second.wait(20), EXIT_OK)
        self.assertTrue(second.stderr.strip())
        self.assertTrue(first.running(), "the first one is not disturbed")
        first.signal(signal.SIGTERM)
        self.assertEqual(first.wait(10), EXIT_INTERRUPTED)


if __name__ == "__main__":
    unittest.main(verbosity=2)
