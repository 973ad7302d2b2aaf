# SPDX-License-Identifier: MIT
# Owns: the direction of includes in src, as a table. Includes point up the table's page only: to an earlier line.
# Called by: CTest, as check_layers.py SOURCE_DIR; test_checks.py.
import fnmatch
import glob
import os
import re
import sys

# One layer a line, the lowest first. A name without an ending means the header and all of its .c files ("pool": pool.h, pool.c, pool_rt.c).
# Within a layer only files whose names begin with the same word know each other.
LAYERS = [
    ("words", "base atomic check"),
    ("arithmetic", "rate copy"),
    ("tools", "os os_posix os_posix_copy os_win32 result gate convert measure ledger queue notices timeline echo tell.h"),
    ("edges", "params wake leaving feed.h watch.h events.h device_match"),
    ("stores", "pool outlet host host_seat"),
    ("sides", "ingest reader"),
    ("doors", "feed.c feed_rt.c"),
    ("seam", "backend"),
    ("parts of back ends", "sim_* portaudio_*"),
    ("back ends", "backend_sim backend_push backend_portaudio* device_slot device_watch"),
    ("objects", "context.h"),
    ("objects", "stream.h stream_readers.h"),
    ("entry points", "context.c device.c stream.c stream_control.c stream_held.c stream_readers.c watch.c events.c buffer.c version.c"),
]

# Producer and consumer meet in outlet and pool only; the queue carries pointers to it knows not what. Not even by way of a third header.
APART = [("pool", "queue"), ("ingest", "reader")]

# System headers that have one place.
RESERVED = [
    ("portaudio.h", "backend_portaudio*"),
    ("pa_*.h", "backend_portaudio*.c"),
    ("alsa/*", ""),
    ("jack/*", ""),
    ("stdatomic.h", "atomic.h"),
    ("pthread.h", "os_posix.c"),
    ("semaphore.h", "os_posix.c"),
    ("dlfcn.h", "os_posix*.c"),
    ("poll.h", "os_posix.c"),
    ("unistd.h", "os_posix*.c"),
    ("time.h", "os_posix.c"),
    ("sys/*", "os_posix*.c"),
    ("linux/*", "os_posix.c"),
    ("windows.h", "os_win32.c"),
]


class Tree:
    """The files of src and what they include."""

    def __init__(self, top):
        self.top = top
        self.own = {}  # file -> its "..." includes, in order
        self.system = {}  # file -> its <...> includes
        for path in sorted(glob.glob(os.path.join(top, "src", "*.[ch]"))):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            name = os.path.basename(path)
            self.own[name] = re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, re.M)
            self.system[name] = re.findall(r"^\s*#\s*include\s*<([^>]+)>", text, re.M)


def stem_of(name):
    """pool_rt.c -> pool"""
    return re.sub(r"(_rt)?\.[ch]$", "", name)


def layer_of(name):
    """The number of the line that lists a file; None: it is not listed."""
    for number, (_, members) in enumerate(LAYERS):
        for member in members.split():
            if fnmatch.fnmatch(name, member) or ("." not in member and fnmatch.fnmatch(stem_of(name), member)):
                return number
    return None


def may_include(name, included):
    here, there = layer_of(name), layer_of(included)
    if here is None or there is None:
        return True  # said elsewhere
    if here != there:
        return there < here
    return here == 0 or stem_of(name) == stem_of(included) or stem_of(name).split("_")[0] == stem_of(included).split("_")[0]


def direction_complaints(tree):
    complaints = []
    for name, includes in tree.own.items():
        if layer_of(name) is None:
            complaints.append("src/%s is in no layer: give it its place in tests/layers/check_layers.py" % name)
        for included in includes:
            if included not in tree.own:
                complaints.append("src/%s includes \"%s\", which is not in src" % (name, included))
            elif not may_include(name, included):
                complaints.append("src/%s includes %s, against the direction: %s must not know %s"
                                  % (name, included, LAYERS[layer_of(name)][0], LAYERS[layer_of(included)][0]))
    return complaints


def reached_from(tree, names):
    """Every file that names include, and what these include, to the end."""
    reached, waiting = set(), list(names)
    while waiting:
        for included in tree.own.get(waiting.pop(), []):
            if included not in reached:
                reached.add(included)
                waiting.append(included)
    return reached


def apart_complaints(tree):
    complaints = []
    for pair in APART + [(second, first) for first, second in APART]:
        reached = reached_from(tree, [name for name in tree.own if stem_of(name) == pair[0]])
        if pair[1] + ".h" in reached:
            complaints.append("%s must not know %s, but reaches %s.h" % (pair[0], pair[1], pair[1]))
    return complaints


def cycle_complaints(tree):
    return ["src/%s includes itself by way of others" % name for name in tree.own if name in reached_from(tree, [name])]


def reserved_complaints(tree):
    complaints = []
    for name, includes in tree.system.items():
        for included in includes:
            for pattern, place in RESERVED:
                if fnmatch.fnmatch(included, pattern) and not fnmatch.fnmatch(name, place):
                    complaints.append("src/%s includes <%s>, which belongs in %s" % (name, included, place or "no file of acap"))
    return complaints


def first_complaints(tree):
    """Its own header first: that proves that the header stands alone."""
    return ["src/%s does not include %s.h first" % (name, stem_of(name)) for name, includes in tree.own.items()
            if name.endswith(".c") and stem_of(name) + ".h" in tree.own and includes[:1] != [stem_of(name) + ".h"]]


def outside_complaints(tree):
    """Examples and API tests are written as users write: with the public header alone."""
    complaints = []
    for folder in ("examples", os.path.join("tests", "api"), os.path.join("tests", "install"), os.path.join("tests", "abi")):
        for where, _, files in os.walk(os.path.join(tree.top, folder)):
            for file in files:
                if not re.search(r"\.(c|h|cc|cpp|hpp)$", file):
                    continue
                with open(os.path.join(where, file), encoding="utf-8") as opened:
                    includes = re.findall(r'^\s*#\s*include\s*"([^"]+)"', opened.read(), re.M)
                complaints += ["%s/%s sees acap's inside: %s" % (os.path.relpath(where, tree.top), file, included) for included in includes
                               if os.path.basename(included) in tree.own and not os.path.exists(os.path.join(where, included))]
    return complaints


def complaints_about(top):
    tree = Tree(top)
    if not tree.own:
        return ["there is no source in %s" % os.path.join(top, "src")]
    return (direction_complaints(tree) + apart_complaints(tree) + cycle_complaints(tree) + reserved_complaints(tree)
            + first_complaints(tree) + outside_complaints(tree))


def main():
    complaints = complaints_about(sys.argv[1])
    print("\n".join(complaints) or "%d files include in the right direction" % len(Tree(sys.argv[1]).own))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
