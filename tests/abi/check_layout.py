# SPDX-License-Identifier: MIT
# Owns: the comparison of the ABI that the compiler sees with the one that was agreed on, layout-64.txt.
# Called by: CTest, as check_layout.py PRINT_LAYOUT layout-64.txt; with --accept behind it, by whoever has changed the ABI on purpose.
import difflib
import subprocess
import sys

SKIPPED = 77


def main():
    program, golden_path = sys.argv[1:3]
    printed = subprocess.run([program], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    if not printed.startswith("pointer 8 bytes\n"):
        print("skipped: the committed layout is that of 64-bit pointers, this build has others")
        return SKIPPED
    if sys.argv[3:] == ["--accept"]:
        with open(golden_path, "w", encoding="utf-8") as file:
            file.write(printed)
        return 0
    with open(golden_path, encoding="utf-8") as file:
        golden = file.read()
    difference = list(difflib.unified_diff(golden.splitlines(), printed.splitlines(), "agreed", "compiled", lineterm=""))
    if difference:
        print("\n".join(difference))
        print("The ABI has changed. Appending is allowed, everything else breaks programs that exist. On purpose: see CONTRIBUTING.md.")
        return 1
    print("%d lines of layout are as agreed" % len(golden.splitlines()))
    return 0


sys.exit(main())
