# SPDX-License-Identifier: MIT
# Owns: the proof that the public header stands alone in every dialect, has no holes on any kind of machine, and that each internal header
# stands alone in C11.
# Called by: CTest, as check_header_compiles.py SOURCE_DIR public|hpp|holes|internal.
import glob
import os
import shutil
import subprocess
import sys

import public_header

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wundef", "-Wno-long-long", "-Wconversion", "-Wshadow"]
C_DIALECTS = ["c89", "gnu89", "c99", "c11", "c17", "c2x"]
CXX_DIALECTS = ["c++98", "c++11", "c++14", "c++17", "c++20", "c++2b"]
HPP_DIALECTS = ["c++17", "c++2b"]

# A machine for each shape: 32 bits with 8-byte and with 4-byte alignment of int64_t, 64 bits with either size of long, Windows' own branch.
TARGETS = ["armv7-linux-gnueabihf", "i686-linux-gnu", "x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu", "powerpc-linux-gnu",
           "aarch64-apple-macos", "x86_64-pc-windows-msvc", "i686-pc-windows-msvc"]


def compilers(required, optional):
    """Those that are here; the required ones must be."""
    missing = [name for name in required if not shutil.which(name)]
    if missing:
        sys.exit("missing: %s (see README.md for the packages)" % ", ".join(missing))
    for name in optional:
        if not shutil.which(name):
            print("%s is not installed: compiled without it" % name)
    return required + [name for name in optional if shutil.which(name)]


class Counter:
    """Compiles, and remembers what failed."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def compile(self, command, text):
        self.count += 1
        done = subprocess.run(command + ["-fsyntax-only", "-"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
        if done.returncode != 0:
            self.failed += 1
            print("failed: %s\n%s" % (" ".join(command), done.stdout))

    def verdict(self, what):
        print("%s: %d compiles, %d failed" % (what, self.count, self.failed))
        return 1 if self.failed or not self.count else 0


def user_program(header):
    """The header twice, every struct laid out, and every initializer as C and C++ both allow it: static and automatic."""
    lines = ["#include <acap/acap.h>", "#include <acap/acap.h>"]
    lines += ["extern char size_of_one_%s[sizeof(%s)];" % (struct, struct) for struct in header.structs]
    for initializer in header.initializers:
        struct = header.struct_of_initializer(initializer)
        lines += ["static const %s fixed_%s = %s;" % (struct, struct, initializer),
                  "uint32_t size_of_%s(void);" % struct,
                  "uint32_t size_of_%s(void) { %s made = %s; return made.struct_size + fixed_%s.struct_size; }"
                  % (struct, struct, initializer, struct)]
    return "\n".join(lines) + "\n"


def check_public(top):
    counter = Counter()
    text = user_program(public_header.read(os.path.join(top, "include", "acap", "acap.h")))
    include = ["-I", os.path.join(top, "include")]
    for compiler in compilers(["gcc", "clang"], ["clang-22"]):
        for dialect in C_DIALECTS:
            counter.compile([compiler, "-x", "c", "-std=" + dialect, "-Wpadded", "-Wstrict-prototypes"] + WARNINGS + include, text)
            counter.compile([compiler, "-x", "c", "-std=" + dialect] + WARNINGS + include, "#include <acap/version.h>\nint acap_test;\n")
    for compiler in compilers(["g++", "clang++"], ["clang++-22"]):
        for dialect in CXX_DIALECTS:
            counter.compile([compiler, "-x", "c++", "-std=" + dialect, "-Wpadded", "-Wold-style-cast"] + WARNINGS + include, text)
    return counter.verdict("public header")


def check_hpp(top):
    """By itself: the standard library's headers make it slow."""
    counter = Counter()
    for compiler in compilers(["g++", "clang++"], ["clang++-22"]):
        for dialect in HPP_DIALECTS:
            counter.compile([compiler, "-x", "c++", "-std=" + dialect, "-Wold-style-cast", "-I", os.path.join(top, "include")] + WARNINGS,
                            "#include <acap/acap.hpp>\n#include <acap/acap.hpp>\n")
    return counter.verdict("acap.hpp")


def check_holes(top):
    """Freestanding: no foreign C library is needed, the compiler brings stddef.h and stdint.h itself."""
    counter = Counter()
    text = user_program(public_header.read(os.path.join(top, "include", "acap", "acap.h")))
    include = ["-I", os.path.join(top, "include")]
    for compiler in compilers(["clang"], ["clang-22"]):
        for target in TARGETS:
            for role in ([], ["-DACAP_BUILDING"], ["-DACAP_STATIC"]):
                counter.compile([compiler, "--target=" + target, "-ffreestanding", "-x", "c", "-std=c11", "-Wpadded"] + role + WARNINGS
                                + include, text)
    return counter.verdict("no holes")


def check_internal(top):
    counter = Counter()
    include = ["-I", os.path.join(top, "include"), "-I", os.path.join(top, "src")]
    for path in sorted(glob.glob(os.path.join(top, "src", "*.h"))):
        text = '#include "%s"\n#include "%s"\ntypedef int acap_test;\n' % ((os.path.basename(path),) * 2)
        for compiler in compilers(["gcc", "clang"], []):
            for checks in ([], ["-DACAP_DEBUG_CHECKS"]):
                counter.compile([compiler, "-x", "c", "-std=c11", "-Wmissing-prototypes", "-Wstrict-prototypes"] + checks + WARNINGS
                                + include, text)
    return counter.verdict("internal headers")


sys.exit({"public": check_public, "hpp": check_hpp, "holes": check_holes, "internal": check_internal}[sys.argv[2]](sys.argv[1]))
