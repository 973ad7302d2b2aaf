# SPDX-License-Identifier: MIT
# Owns: the house rules that a machine can check. Each is one function below; what they share is the list of the tree's files.
# Called by: CTest, as check_house.py SOURCE_DIR; test_checks.py.
import os
import re
import subprocess
import sys

TOP_LEVEL = {"CMakeLists.txt", "include", "src", "tests", "examples", "bench", "docs", "LICENSE", "README.md"}  # and dot-files

SOURCE = re.compile(r"\.(c|h|cc|cpp|hpp|py|sh|rs|js|mjs|cjs|ts|go|cmake|in|map)$|(^|/)CMakeLists\.txt$")
C_FAMILY = re.compile(r"\.(c|h|cc|cpp|hpp)$")
TABS_ARE_THEIRS = re.compile(r"\.go$|^examples/go/.*\.md$|(^|/)(Makefile|go\.(mod|sum)|\.gitmodules)$")
DATA = re.compile(r"(^|/)(corpus|data)/")  # committed inputs of tests, whatever their bytes

LINES_MAX = 700
FUNCTION_LINES_MAX = 60  # in src
COLUMNS_MAX = 140
BYTES_MAX = 300000

# Put together here so that this file does not contain them.
UNFINISHED = re.compile(r"\b(%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK", "not " + "implemented",
                                               "un" + "implemented", "place" + "holder", "for " + "now"]), re.I)
# Folders of one machine; what every machine has (/tmp, /usr, /dev) may be named.
MACHINE = re.compile(r"(?<![\w./-])/(home|root|mnt|Users|wor[k]|far[m])/\w")


class Tree:
    """The files that are in the repository or would be, were everything added. Outside of git: every file that is there."""

    def __init__(self, top):
        self.top = top
        if os.path.exists(os.path.join(top, ".git")):
            names = subprocess.run(["git", "-c", "safe.directory=*", "-C", top, "ls-files", "-z", "--cached", "--others",
                                    "--exclude-standard"], stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
        else:
            names = [os.path.relpath(os.path.join(where, file), top) for where, _, files in os.walk(top) for file in files]
        self.names = sorted(name for name in names if name and os.path.isfile(os.path.join(top, name)))
        self.bytes = {}
        for name in self.names:
            with open(os.path.join(top, name), "rb") as file:
                self.bytes[name] = file.read()

    def lines(self, name):
        return self.bytes[name].decode("utf-8", "replace").splitlines()

    def matching(self, pattern):
        return [name for name in self.names if pattern.search(name) and not DATA.search(name)]


def top_level(tree):
    roots = {name.split("/")[0] for name in tree.names}
    return ["%s does not belong at the top level" % root for root in sorted(roots - TOP_LEVEL) if not root.startswith(".")]


def binary_files(tree):
    return ["%s is binary" % name for name in tree.names if b"\0" in tree.bytes[name] and not DATA.search(name)]


def large_files(tree):
    return ["%s has %d bytes" % (name, len(tree.bytes[name])) for name in tree.names if len(tree.bytes[name]) > BYTES_MAX]


def long_files(tree):
    """acap.h is exempt: it is the reference, in one piece."""
    long = re.compile(r"^(src|tests|examples|bench)/.*")
    return ["%s has %d lines" % (name, len(tree.lines(name))) for name in tree.matching(long)
            if SOURCE.search(name) and len(tree.lines(name)) > LINES_MAX]


def long_functions(tree):
    complaints = []
    for name in tree.matching(re.compile(r"^src/.*\.[ch]$")):
        begin = None
        for number, line in enumerate(tree.lines(name), 1):
            if line.startswith("{"):
                begin = number
            elif line.startswith("}") and begin is not None:
                if number - begin - 1 > FUNCTION_LINES_MAX:
                    complaints.append("%s:%d a function of %d lines" % (name, begin, number - begin - 1))
                begin = None
    return complaints


def wide_lines(tree):
    return ["%s:%d is wider than %d columns" % (name, number, COLUMNS_MAX) for name in tree.matching(C_FAMILY)
            for number, line in enumerate(tree.lines(name), 1) if len(line) > COLUMNS_MAX]


def white_space(tree):
    complaints = []
    for name in tree.names:
        if DATA.search(name) or b"\0" in tree.bytes[name]:
            continue
        text = tree.bytes[name]
        if b"\t" in text and not TABS_ARE_THEIRS.search(name):
            complaints.append("%s has tabs" % name)
        if b"\r" in text:
            complaints.append("%s has carriage returns" % name)
        if re.search(rb"[ \t]$", text, re.M):
            complaints.append("%s has blanks at a line's end" % name)
        if text and not text.endswith(b"\n"):
            complaints.append("%s does not end with a newline" % name)
    return complaints


def licence_lines(tree):
    """In the first line, or in the second after a '#!'."""
    complaints = []
    for name in tree.matching(SOURCE):
        head = [line for line in tree.lines(name)[:2] if not line.startswith("#!")]
        if tree.lines(name) and (not head or "SPDX-License-Identifier: MIT" not in head[0]):
            complaints.append("%s does not begin with its SPDX line" % name)
    return complaints


def owns_lines(tree):
    """A C file says what it owns and who calls it before anything else."""
    complaints = []
    for name in tree.matching(re.compile(r"^src/.*\.[ch]$")):
        head = "\n".join(tree.lines(name)[1:12])
        if "Owns:" not in head or not re.search(r"(Used|Called) by:", head):
            complaints.append("%s does not say what it owns and who calls it" % name)
    return complaints


def unfinished_words(tree):
    return ["%s:%d '%s'" % (name, number, found.group()) for name in tree.names if not DATA.search(name) and name.split("/")[0] != "docs"
            for number, line in enumerate(tree.lines(name), 1) for found in UNFINISHED.finditer(line)]


def machine_paths(tree):
    return ["%s:%d a path of one machine: %s" % (name, number, found.group()) for name in tree.names if not DATA.search(name)
            for number, line in enumerate(tree.lines(name), 1) for found in MACHINE.finditer(line)]


def scripts(tree):
    """What says by which program it is run can be run."""
    return ["%s begins with '#!' and is not executable" % name for name in tree.names
            if tree.bytes[name].startswith(b"#!") and not os.access(os.path.join(tree.top, name), os.X_OK)]


RULES = [top_level, binary_files, large_files, long_files, long_functions, wide_lines, white_space, licence_lines, owns_lines,
         unfinished_words, machine_paths, scripts]


def complaints_about(top):
    tree = Tree(top)
    return [complaint for rule in RULES for complaint in rule(tree)] if tree.names else ["there are no files in %s" % top]


def main():
    complaints = complaints_about(sys.argv[1])
    print("\n".join(complaints) or "%d files keep the house rules" % len(Tree(sys.argv[1]).names))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
