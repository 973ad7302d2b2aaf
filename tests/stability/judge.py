# SPDX-License-Identifier: MIT
# Owns: the verdict on the stability runs, and their table.
# Called by: tests/stability.sh, as judge.py SECONDS TABLE CSV...; test_judge.py. Exit status 1: a run has failed.
import itertools
import statistics
import sys

import figures

PACKETS_PER_S = 100
PACKET_BYTES = 3840
PACKETS_OFF_MAX = 1
SLOPE_MAX = 1024.0  # bytes a second
SETTLED_LINES_MIN = 10
SAWTOOTH = ("Node",)  # where garbage makes resident memory swing by a megabyte,
SAWTOOTH_S = 3600  # which is less than the limit only over so long a time
LATE_MAX_S = 3.0  # what the programs' queues hold: whoever is later has lost something
HELD = 50  # buffers that each program keeps
LINES_MIN = 0.9  # of one a second; a busy machine may skip some

COLUMNS = (
    ("program", "---"),
    ("packets", "---:"),
    ("frames lost", "---:"),
    ("hit rate", "---:"),
    ("buffers out, most", "---:"),
    ("resident at the end, MiB", "---:"),
    ("its slope, bytes/s", "---:"),
    ("slope of what is in use, bytes/s", "---:"),
    ("allocations by acap", "---:"),
    ("heap calls a packet, all", "---:"),
    ("heap bytes a packet, all", "---:"),
    ("collections a minute", "---:"),
    ("verdict", "---"),
)


def slope(points):
    """The median of the slopes between any two points (Theil and Sen), in units of y a unit of x: one figure that is off, such as a page
    that a runtime's helper thread has just taken, does not decide."""
    return statistics.median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in itertools.combinations(points, 2))


def growth(points):
    """Of all and of each half, whichever grows least: what a compiler or a heap takes once, in one step, is no leak."""
    middle = len(points) // 2
    return min(slope(points), slope(points[:middle]), slope(points[middle:]))


def second_half(rows):
    middle = (rows[0].time_s + rows[-1].time_s) / 2
    return [row for row in rows if row.time_s >= middle]


def resident_points(rows):
    return [(row.time_s, row.resident_bytes) for row in second_half(rows)]


def settled_points(rows):
    return [(row.time_s, row.settled_bytes) for row in second_half(rows) if row.settled_bytes > 0]


def coverage_faults(rows, seconds):
    """The lines tell of the whole time, by the program's own clock."""
    faults = []
    if len(rows) < max(4, LINES_MIN * seconds):
        return ["%d lines of figures in %d s" % (len(rows), seconds)]
    if any(later.time_s <= earlier.time_s for earlier, later in zip(rows, rows[1:])):
        faults.append("time does not go forward from line to line")
    if not 0.0 <= rows[0].time_s <= LATE_MAX_S:
        faults.append("the first line is of %.3f s" % rows[0].time_s)
    if not seconds <= rows[-1].time_s <= seconds + LATE_MAX_S:
        faults.append("the last line is of %.3f s, the run was to be of %d s" % (rows[-1].time_s, seconds))
    return faults


def packet_faults(rows, seconds):
    faults = []
    expected = seconds * PACKETS_PER_S
    packets = rows[-1].packets - rows[0].packets
    if abs(packets - expected) > PACKETS_OFF_MAX:
        faults.append("%d packets, %d were expected" % (packets, expected))
    if any(row.frames_lost != 0 for row in rows):
        faults.append("%d frames lost" % max(row.frames_lost for row in rows))
    return faults


def pool_faults(rows):
    faults = []
    if any(row.hit_rate != 1.0 for row in rows):
        faults.append("a hit rate of %.9g" % min(row.hit_rate for row in rows))
    if min(row.in_use for row in second_half(rows)) > 2 * HELD:
        faults.append("never fewer than %d buffers out" % min(row.in_use for row in second_half(rows)))
    return faults


def allocation_faults(run):
    first, last = run.rows[0], run.rows[-1]
    faults = []
    if first.library_allocations == 0:
        faults.append("the counter has not even seen acap open a stream")
    if last.library_allocations != first.library_allocations:
        faults.append("acap allocated %d times" % (last.library_allocations - first.library_allocations))
    if run.about["language"] == "C" and last.process_allocations != first.process_allocations:
        faults.append("the process allocated %d times" % (last.process_allocations - first.process_allocations))
    # The counter's own proof: what is copied must have been allocated.
    copied = (last.packets - first.packets) * PACKET_BYTES
    if run.about["variant"] == "copying" and last.process_allocated_bytes - first.process_allocated_bytes < copied:
        faults.append("the counter has not seen the copies")
    return faults


def slope_faults(run, seconds):
    """Copies are garbage until somebody collects them: how much there is of it is shown, and not judged."""
    points = settled_points(run.rows)
    faults = []
    if run.about["variant"] == "copying":
        return faults
    if len(points) < SETTLED_LINES_MIN:
        return ["%d figures of resident memory in use" % len(points)]
    if growth(points) > SLOPE_MAX:
        faults.append("resident memory in use grows by %.0f bytes/s" % growth(points))
    raw = growth(resident_points(run.rows))
    if (run.about["language"] not in SAWTOOTH or seconds >= SAWTOOTH_S) and raw > SLOPE_MAX:
        faults.append("resident memory grows by %.0f bytes/s" % raw)
    return faults


def faults_of(run, seconds):
    """What is wrong with a run; nothing: it has passed."""
    faults = list(run.faults)
    if not run.is_whole:
        faults.append("the program did not come to its end")
    if run.about.get("duration_s") != str(seconds):
        return faults + ["is no run of %d s" % seconds]
    covered = coverage_faults(run.rows, seconds)
    if covered:
        return faults + covered
    return faults + packet_faults(run.rows, seconds) + pool_faults(run.rows) + allocation_faults(run) + slope_faults(run, seconds)


def typical_a_packet(rows, name):
    """In the median second of the first half: a compiler at work, and collections that the program asks for, are no packet's doing."""
    half = second_half(rows)[0]
    lines = [row for row in rows if row.time_s <= half.time_s]
    pairs = [(earlier, later) for earlier, later in zip(lines, lines[1:]) if later.packets > earlier.packets]
    return statistics.median((getattr(b, name) - getattr(a, name)) / (b.packets - a.packets) for a, b in pairs) if pairs else 0.0


def table_row(run, seconds):
    verdict = "FAILED" if faults_of(run, seconds) else "passed"
    if len(run.rows) < 4:
        return [figures.name_of(run)] + ["–"] * (len(COLUMNS) - 2) + [verdict]
    first, last = run.rows[0], run.rows[-1]
    points = settled_points(run.rows)
    middle = second_half(run.rows)[0]  # before it nobody collects but the runtime by itself
    return [
        figures.name_of(run),
        "{:,}".format(last.packets - first.packets),
        "{:,}".format(last.frames_lost),
        str(min(row.hit_rate for row in run.rows)),
        "%d" % last.in_use_peak,
        "%.1f" % (last.resident_bytes / 2**20),
        "{:,}".format(round(slope(resident_points(run.rows)))),
        "{:,}".format(round(slope(points))) if len(points) > 1 else "–",
        "%d" % (last.library_allocations - first.library_allocations),
        "%.2f" % typical_a_packet(run.rows, "process_allocations"),
        "{:,.0f}".format(typical_a_packet(run.rows, "process_allocated_bytes")),
        "%.1f" % ((middle.collections - first.collections) / (middle.time_s - first.time_s) * 60),
        verdict,
    ]


def table(runs, seconds):
    lines = ["| %s |" % " | ".join(name for name, _ in COLUMNS), "|%s|" % "|".join(rule for _, rule in COLUMNS)]
    lines += ["| %s |" % " | ".join(table_row(run, seconds)) for run in runs]
    return "\n".join(lines) + "\n"


def main():
    seconds = int(sys.argv[1])
    runs = [figures.read(path) for path in sys.argv[3:]]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(table(runs, seconds))
    print(table(runs, seconds))
    for run in runs:
        faults = faults_of(run, seconds)
        print("%s: %s" % (figures.name_of(run), "FAILED: " + "; ".join(faults) if faults else "passed"))
    return 1 if not runs or any(faults_of(run, seconds) for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
