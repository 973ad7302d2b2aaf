# SPDX-License-Identifier: MIT
# Owns: the proof that the checks of this directory bite: each is given a header, map or library with one fault in it and must object.
# Called by: CTest, as test_checks.py SOURCE_DIR.
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import check_symbols
import public_header

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = sys.argv.pop(1)
HEADER_PATH = os.path.join(TOP, "include", "acap", "acap.h")
MAP_PATH = os.path.join(TOP, "src", "acap.map")


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


HEADER = text_of(HEADER_PATH)
MAP = text_of(MAP_PATH)


def replaced(text, old, new):
    """One fault, put in exactly one place."""
    if text.count(old) != 1:
        raise ValueError("'%s' occurs %d times" % (old, text.count(old)))
    return text.replace(old, new)


class Symbols(unittest.TestCase):
    def complaints(self, header=HEADER, map_text=MAP):
        return check_symbols.map_complaints(public_header.PublicHeader(header), map_text)

    def test_the_real_ones_agree(self):
        self.assertEqual(self.complaints(), [])

    def test_function_missing_in_map(self):
        self.assertIn("acap_stream_push", str(self.complaints(map_text=replaced(MAP, "        acap_stream_push;\n", ""))))

    def test_function_missing_in_header(self):
        added = replaced(MAP, "        acap_version;\n", "        acap_verse;\n        acap_version;\n")
        self.assertIn("acap_verse", str(self.complaints(map_text=added)))

    def test_function_in_a_node_that_is_not_its_since(self):
        self.assertIn("ACAP_0.2", str(self.complaints(map_text=replaced(MAP, "ACAP_0.1 {", "ACAP_0.2 {"))))

    def test_map_that_exports_the_rest(self):
        self.assertIn("local", str(self.complaints(map_text=replaced(MAP, "    local:\n        *;\n", ""))))


class Reading(unittest.TestCase):
    """What the scripts cannot read they must not overlook."""

    def refused(self, old, new):
        with self.assertRaises(public_header.HeaderError):
            public_header.PublicHeader(replaced(HEADER, old, new))

    def test_two_members_on_a_line(self):
        self.refused("    uint32_t capacity;          /**< buffers that exist now */", "    uint32_t capacity, more;")

    def test_enum(self):
        self.refused("typedef int32_t acap_result;", "typedef enum acap_result { ACAP_NONE } acap_result;")

    def test_long(self):
        self.refused("typedef int32_t acap_result;", "typedef long acap_result;")

    def test_exported_variable(self):
        self.refused("typedef int32_t acap_result;", "typedef int32_t acap_result;\nACAP_API int acap_errors;")

    def test_prototypes_hold_types_only(self):
        header = public_header.PublicHeader(HEADER)
        prototypes = {function.name: function.prototype() for function in header.functions}
        self.assertEqual(prototypes["acap_version"], "uint32_t acap_version(void)")
        self.assertEqual(prototypes["acap_pool_retain"], "acap_pool *acap_pool_retain(acap_pool *)")
        self.assertEqual(prototypes["acap_reader_borrow"],
                         "acap_result acap_reader_borrow(acap_reader *, int64_t, const acap_buffer **)")


class Compiled(unittest.TestCase):
    """Checks that run a compiler, on a copy of the headers with a fault."""

    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)
        shutil.copytree(os.path.join(TOP, "include"), os.path.join(self.top, "include"))
        os.mkdir(os.path.join(self.top, "src"))

    def plant(self, old, new):
        with open(os.path.join(self.top, "include", "acap", "acap.h"), "w", encoding="utf-8") as file:
            file.write(replaced(HEADER, old, new))

    def check(self, part):
        done = subprocess.run([sys.executable, "-B", os.path.join(HERE, "check_header_compiles.py"), self.top, part],
                              stdout=subprocess.PIPE, universal_newlines=True)
        return done.returncode, done.stdout

    def test_hole_on_every_machine(self):
        self.plant("    uint32_t hold_buffers; ", "    uint32_t one_more;\n    uint32_t hold_buffers; ")
        code, printed = self.check("holes")
        self.assertEqual(code, 1)
        self.assertIn("-Wpadded", printed)

    def test_hole_where_pointers_have_32_bits(self):
        self.plant("    ACAP_PAD32(reserved_32)\n    uint64_t position;", "    uint64_t position;")
        code, printed = self.check("holes")
        self.assertEqual(code, 1)
        self.assertIn("armv7", printed)
        self.assertNotIn("x86_64", printed)

    def test_undefined_macro(self):
        self.plant("#ifdef __cplusplus\nextern \"C\" {", "#if ACAP_UNHEARD_OF\n#endif\n#ifdef __cplusplus\nextern \"C\" {")
        self.assertEqual(self.check("public")[0], 1)

    def test_initializer_that_forgets_a_member(self):
        self.plant("#define ACAP_POOL_CONFIG_INIT { sizeof(acap_pool_config), 0, 0, 0, 0 }",
                   "#define ACAP_POOL_CONFIG_INIT { sizeof(acap_pool_config), 0, 0, 0 }")
        self.assertEqual(self.check("public")[0], 1)

    def test_internal_header_that_leans_on_others(self):
        with open(os.path.join(self.top, "src", "leans.h"), "w", encoding="utf-8") as file:
            file.write("#ifndef L\n#define L\nacap_result acap__leans(uint32_t count);\n#endif\n")
        self.assertEqual(self.check("internal")[0], 1)


class Layout(unittest.TestCase):
    """Any change of what print_layout prints must be refused, an appended line included."""

    def check(self, printed, golden):
        with tempfile.TemporaryDirectory() as folder:
            program, agreed = os.path.join(folder, "print"), os.path.join(folder, "layout")
            with open(program, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\ncat <<'END'\n%sEND\n" % printed)
            os.chmod(program, 0o755)
            with open(agreed, "w", encoding="utf-8") as file:
                file.write(golden)
            return subprocess.run([sys.executable, "-B", os.path.join(HERE, "check_layout.py"), program, agreed],
                                  stdout=subprocess.DEVNULL).returncode

    def test_same_changed_appended_removed(self):
        golden = text_of(os.path.join(HERE, "layout-64.txt"))
        self.assertEqual(self.check(golden, golden), 0)
        self.assertEqual(self.check(golden.replace("constant ACAP_END 2 int", "constant ACAP_END 3 int"), golden), 1)
        self.assertEqual(self.check(golden + "constant ACAP_MORE 1 int\n", golden), 1)
        self.assertEqual(self.check(re.sub(r"function .*acap_version\(void\)\n", "", golden), golden), 1)

    def test_other_pointers_are_skipped(self):
        self.assertEqual(self.check("pointer 4 bytes\n", "pointer 8 bytes\n"), 77)


class Libraries(unittest.TestCase):
    """The symbol check on small libraries that have one fault each."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, source, *flags):
        with open(self.path("a.c"), "w", encoding="utf-8") as file:
            file.write(source)
        with open(self.path("a.map"), "w", encoding="utf-8") as file:
            file.write("ACAP_0.1 {\n    global:\n        acap_one;\n    local:\n        *;\n};\n")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", self.path("liba.so"), self.path("a.c"), *flags], check=True)
        return self.path("liba.so")

    def test_good_library(self):
        path = self.build("int acap_one(void) { return 1; }", "-Wl,--version-script=" + self.path("a.map"), "-Wl,-soname,libacap.so.0",
                          "-Wl,-z,nodelete,-z,now,-z,relro,-z,noexecstack")
        self.assertEqual(check_symbols.shared_complaints(text_of(self.path("a.map")), path), [])
        self.assertEqual(check_symbols.dynamic_complaints(0, path), [])
        self.assertIn("soname", str(check_symbols.dynamic_complaints(1, path)))

    def test_library_without_map_and_hardening(self):
        path = self.build("int acap_one(void) { return 1; } int stranger;", "-Wl,-z,lazy,-z,norelro,-z,execstack,-rpath,/x")
        shared = str(check_symbols.shared_complaints(text_of(self.path("a.map")), path))
        self.assertIn("stranger is in the second only", shared)
        self.assertIn("acap_one is exported as ,", shared)
        dynamic = check_symbols.dynamic_complaints(0, path)
        self.assertTrue(len(dynamic) >= 4, dynamic)

    def test_static_library_that_leaks_names(self):
        self.build("int acap_one(void) { return 1; }")
        subprocess.run(["gcc", "-c", "-o", self.path("a.o"), self.path("a.c"), "-Dacap_one=one"], check=True)
        subprocess.run(["ar", "rc", self.path("liba.a"), self.path("a.o")], check=True)
        header = public_header.PublicHeader("/** @since 0.1 */\nACAP_API int ACAP_CALL acap_one(void);\n")
        complaints = str(check_symbols.static_complaints(header, self.path("liba.a")))
        self.assertIn("lacks acap_one", complaints)
        self.assertIn("defines one", complaints)
        self.assertIn("one in libacap.a is not hidden", complaints)


unittest.main(verbosity=1)
