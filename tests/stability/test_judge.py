# SPDX-License-Identifier: MIT
# Owns: the proof that the verdict on the stability runs can fail: a good run passes, and with one figure bent at a time it does not.
# Called by: CTest, as test_judge.py; tests/stability.sh before it trusts the verdict.
import os
import subprocess
import sys
import tempfile
import unittest

import figures
import judge

SECONDS = 30
HERE = os.path.dirname(os.path.abspath(__file__))


def good_row(second, variant):
    packets = second * 100
    copies = packets if variant == "copying" else 0
    return figures.Row(
        time_s=second + 0.01,
        packets=packets,
        resident_bytes=50_000_000 + second % 2 * 4096,
        settled_bytes=49_000_000 + second % 2 * 4096 if second * 2 >= SECONDS else 0,
        heap_bytes=4_000_000,
        heap_blocks=0,
        external_bytes=0,
        pool_bytes=1_400_000,
        hit_rate=1.0,
        in_use=51,
        in_use_peak=60,
        frames_lost=0,
        collections=second,
        library_allocations=40,
        process_allocations=1000 + copies,
        process_allocated_bytes=1_000_000 + copies * 3873,
    )


def good_rows(variant="zero-copy"):
    return [good_row(second, variant) for second in range(SECONDS + 1)]


def text_of(rows, variant="zero-copy", language="C", end="# end\n# exit 0\n"):
    about = "# language=%s variant=%s runtime=1 duration_s=%d\n" % (language, variant, SECONDS)
    return about + figures.HEAD + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows) + end


def bent(first, last, rows=None, **changes):
    """The rows first to last with some figures set, or changed by a function of the figure and the second."""
    rows = list(rows or good_rows())
    for second in range(first, last + 1):
        for name, change in changes.items():
            value = change(getattr(rows[second], name), second) if callable(change) else change
            rows[second] = rows[second]._replace(**{name: value})
    return rows


class Verdict(unittest.TestCase):
    def faults(self, text):
        return judge.faults_of(figures.parse(text), SECONDS)

    def expect(self, words, rows, **how):
        faults = self.faults(text_of(rows, **how))
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(words, faults[0])

    def test_good_runs_pass(self):
        self.assertEqual(self.faults(text_of(good_rows())), [])
        self.assertEqual(self.faults(text_of(good_rows("copying"), "copying", "Python")), [])

    def test_one_packet_more_or_less_passes_and_two_do_not(self):
        for off in (-1, 1):
            self.assertEqual(self.faults(text_of(bent(30, 30, packets=3000 + off))), [])
        for off in (-2, 2):
            self.expect("%d packets, 3000 were expected" % (3000 + off), bent(30, 30, packets=3000 + off))

    def test_a_lost_packet_fails(self):
        self.expect("480 frames lost", bent(17, 30, frames_lost=480))

    def test_a_loss_that_is_later_forgotten_fails(self):
        self.expect("480 frames lost", bent(17, 17, frames_lost=480))

    def test_a_hit_rate_below_one_fails(self):
        self.expect("a hit rate of 0.999", bent(20, 30, hit_rate=0.999))

    def test_a_growth_of_more_than_a_kilobyte_a_second_fails(self):
        def grown(bytes_per_s):
            return lambda value, second: value + second * bytes_per_s

        self.expect("resident memory grows", bent(0, 30, resident_bytes=grown(1200)))
        self.expect("in use grows", bent(15, 30, settled_bytes=grown(1200)))
        self.assertEqual(self.faults(text_of(bent(15, 30, resident_bytes=grown(800), settled_bytes=grown(800)))), [])

    def test_a_figure_that_is_off_does_not_decide(self):
        for second in (15, 22, 30):
            rows = bent(second, second, resident_bytes=60_000_000, settled_bytes=60_000_000)
            self.assertEqual(self.faults(text_of(rows)), [])

    def test_a_single_step_passes(self):
        for begin in range(16, 31):
            rows = bent(begin, 30, settled_bytes=lambda value, second: value + 300_000)
            self.assertEqual(self.faults(text_of(rows, language="Node")), [])

    def test_a_sawtooth_is_judged_by_what_is_left_after_collections(self):
        rows = bent(0, 30, resident_bytes=lambda value, second: value + second * 20_000)
        self.assertEqual(self.faults(text_of(rows, language="Node")), [])
        rows = bent(15, 30, rows, settled_bytes=lambda value, second: value + second * 1200)
        self.expect("in use grows", rows, language="Node")

    def test_over_an_hour_a_sawtooth_is_no_excuse(self):
        text = text_of(bent(0, 30, resident_bytes=lambda value, second: value + second * 2000), language="Node")
        run = figures.parse(text)
        self.assertEqual(judge.slope_faults(run, 300), [])
        self.assertEqual(judge.slope_faults(run, 3600), ["resident memory grows by 2000 bytes/s"])

    def test_without_figures_of_what_is_in_use_it_fails(self):
        self.expect("0 figures of resident memory in use", bent(0, 30, settled_bytes=0))

    def test_growth_in_the_first_half_passes(self):
        rows = bent(0, 14, resident_bytes=lambda value, second: value - (15 - second) * 1_000_000)
        self.assertEqual(self.faults(text_of(rows)), [])

    def test_garbage_of_copies_is_not_judged(self):
        rows = bent(0, 30, good_rows("copying"), resident_bytes=lambda value, second: value + second * 400_000)
        self.assertEqual(self.faults(text_of(rows, "copying", "Node")), [])

    def test_an_allocation_of_the_library_fails(self):
        self.expect("acap allocated 1 times", bent(29, 30, library_allocations=41))

    def test_an_allocation_of_the_c_program_fails_and_one_of_an_interpreter_does_not(self):
        rows = bent(29, 30, process_allocations=1001)
        self.expect("the process allocated 1 times", rows)
        self.assertEqual(self.faults(text_of(rows, language="Python")), [])

    def test_a_counter_that_counts_nothing_fails(self):
        self.expect("has not even seen acap", bent(0, 30, library_allocations=0))
        self.expect("has not seen the copies", good_rows("zero-copy"), variant="copying", language="Python")

    def test_buffers_that_do_not_come_back_fail(self):
        self.expect("never fewer than", bent(0, 30, in_use=lambda value, second: value + second * 10))

    def test_a_run_that_ends_early_fails(self):
        self.expect("were expected", bent(30, 30, packets=2900))
        self.expect("the last line is of 28.010 s", good_rows()[:29])
        self.expect("10 lines of figures", good_rows()[:10])
        self.expect("0 lines of figures", [])

    def test_a_run_that_begins_late_fails(self):
        self.assertTrue(self.faults(text_of(good_rows()[5:])))

    def test_a_clock_that_stands_still_fails(self):
        self.expect("time does not go forward", bent(12, 12, time_s=11.01))

    def test_a_file_that_breaks_off_fails(self):
        text = text_of(good_rows(), end="")
        self.assertEqual(self.faults(text), ["the program did not come to its end"])
        self.assertIn("the program did not come to its end", self.faults(text[: text.rindex(",")]))
        self.assertTrue(self.faults(""))

    def test_a_program_that_fails_fails(self):
        ended = "the program did not come to its end"
        self.assertEqual(self.faults(text_of(good_rows(), end="# exit 1\n")), ["exit status 1", ended])
        self.assertEqual(self.faults(text_of(good_rows(), end="# end\n# exit 139\n")), ["exit status 139", ended])
        self.assertEqual(self.faults(text_of(good_rows(), end="# exit 0\n")), [ended])

    def test_a_line_that_is_none_of_figures_fails(self):
        text = text_of(good_rows(), end="what is this\n# end\n# exit 0\n")
        self.assertEqual(self.faults(text), ["line 34 is none of figures"])

    def test_a_run_of_another_length_fails(self):
        self.assertEqual(judge.faults_of(figures.parse(text_of(good_rows())), 300), ["is no run of 300 s"])

    def test_the_exit_status_tells(self):
        with tempfile.TemporaryDirectory() as directory:

            def status_of(*texts):
                paths = []
                for number, text in enumerate(texts):
                    paths.append(os.path.join(directory, "%d.csv" % number))
                    with open(paths[-1], "w", encoding="utf-8") as file:
                        file.write(text)
                command = [sys.executable, "-B", os.path.join(HERE, "judge.py"), str(SECONDS), os.path.join(directory, "table.md"), *paths]
                return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode

            good = text_of(good_rows())
            self.assertEqual(status_of(good, good), 0)
            self.assertEqual(status_of(good, text_of(bent(30, 30, packets=2990))), 1)
            self.assertEqual(status_of(good, ""), 1)
            self.assertEqual(status_of(), 1)


if __name__ == "__main__":
    unittest.main()
