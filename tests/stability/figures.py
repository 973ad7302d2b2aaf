# SPDX-License-Identifier: MIT
# Owns: reading what the programs of the stability runs write: a line that says who, a head, a line a second, and how it ended.
# Called by: judge.py, plot.py, test_judge.py.
import collections
import re

HEAD = (
    "time_s,packets,resident_bytes,settled_bytes,heap_bytes,heap_blocks,external_bytes,pool_bytes,hit_rate,in_use,in_use_peak,"
    "frames_lost,collections,library_allocations,process_allocations,process_allocated_bytes"
)
REALS = ("time_s", "hit_rate")

Row = collections.namedtuple("Row", HEAD.split(","))
Run = collections.namedtuple("Run", "about rows faults is_whole")


def row_of(line):
    """Raises ValueError or TypeError unless it is one."""
    fields = line.split(",")
    if len(fields) != len(Row._fields):
        raise ValueError("%d fields" % len(fields))
    return Row(*(float(text) if name in REALS else int(text) for name, text in zip(Row._fields, fields)))


def name_of(run):
    return "%s, %s" % (run.about.get("language", "?"), run.about.get("variant", "?"))


def parse(text):
    about, rows, faults = {}, [], []
    has_head = has_end = has_exit = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("# language="):
            about = dict(re.findall(r"(\w+)=(\S+)", line))
        elif line == HEAD:
            has_head = True
        elif line == "# end":
            has_end = True
        elif line == "# exit 0":
            has_exit = has_end
        elif line.startswith("# exit "):
            faults.append("exit status %s" % line[7:])
        else:
            try:
                rows.append(row_of(line))
            except ValueError:
                faults.append("line %d is none of figures" % number)
    return Run(about, rows, faults, bool(about) and has_head and has_exit)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return parse(file.read())
