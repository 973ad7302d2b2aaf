# SPDX-License-Identifier: MIT
# Owns: the proof that the checks of this directory bite: each is given a tree with one fault in it and must object.
# Called by: CTest, as test_checks.py.
import os
import shutil
import tempfile
import unittest

import check_house
import check_layers

SPDX_C = "/* SPDX-License-Identifier: MIT */\n/* Owns: one thing.\n * Used by: nobody. */\n"
SPDX_SH = "# SPDX-License-Identifier: MIT\n"


class Planted(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)

    def plant(self, name, text):
        path = os.path.join(self.top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())


class Layers(Planted):
    def setUp(self):
        super().setUp()
        for name in ("base", "pool", "queue", "wake", "outlet", "ingest", "reader", "backend", "feed"):
            self.plant("src/%s.h" % name, "/* nothing */\n")

    def complaints(self):
        return " / ".join(check_layers.complaints_about(self.top))

    def test_right_direction(self):
        self.plant("src/reader.c", '#include "reader.h"\n#include "outlet.h"\n#include <string.h>\n')
        self.assertEqual(self.complaints(), "")

    def test_upward(self):
        self.plant("src/pool_rt.c", '#include "pool.h"\n#include "reader.h"\n')
        self.assertIn("src/pool_rt.c includes reader.h, against the direction", self.complaints())

    def test_sideways(self):
        self.plant("src/reader.c", '#include "reader.h"\n#include "ingest.h"\n')
        self.assertIn("src/reader.c includes ingest.h, against the direction", self.complaints())

    def test_apart_by_way_of_a_third(self):
        self.plant("src/base.h", '#include "queue.h"\n')
        self.plant("src/pool.h", '#include "base.h"\n')
        self.assertIn("pool must not know queue", self.complaints())

    def test_cycle(self):
        self.plant("src/stream.h", '#include "stream_readers.h"\n')
        self.plant("src/stream_readers.h", '#include "stream.h"\n')
        self.assertIn("src/stream.h includes itself", self.complaints())

    def test_unlisted(self):
        self.plant("src/misc.c", '#include "base.h"\n')
        self.assertIn("src/misc.c is in no layer", self.complaints())

    def test_not_there(self):
        self.plant("src/pool.c", '#include "pool.h"\n#include "../tests/x.h"\n')
        self.assertIn("which is not in src", self.complaints())

    def test_reserved_headers(self):
        self.plant("src/backend_portaudio.c", '#include "backend.h"\n#include <portaudio.h>\n')
        self.assertEqual(self.complaints(), "")
        self.plant("src/stream.c", "#include <portaudio.h>\n")
        self.plant("src/pool.c", '#include "pool.h"\n#include <pthread.h>\n#include <sys/mman.h>\n')
        self.plant("src/base.h", "#include <stdatomic.h>\n")
        for expected in ("src/stream.c includes <portaudio.h>", "<pthread.h>", "<sys/mman.h>", "<stdatomic.h>, which belongs in atomic.h"):
            self.assertIn(expected, self.complaints())

    def test_own_header_is_not_first(self):
        self.plant("src/pool.c", '#include "base.h"\n#include "pool.h"\n')
        self.assertIn("src/pool.c does not include pool.h first", self.complaints())

    def test_example_that_sees_the_inside(self):
        self.plant("examples/c/list.c", '#include "pool.h"\n')
        self.assertIn("examples/c/list.c sees acap's inside: pool.h", self.complaints())

    def test_empty_tree(self):
        shutil.rmtree(os.path.join(self.top, "src"))
        self.assertIn("there is no source", self.complaints())


class House(Planted):
    def complaints(self):
        return " / ".join(check_house.complaints_about(self.top))

    def test_good(self):
        self.plant("src/good.c", SPDX_C + "static int one(void)\n{\n    return 1;\n}\n")
        self.plant(".editorconfig", "root = true\n")
        self.assertEqual(self.complaints(), "")

    def test_each_fault_is_found(self):
        body = "    x();\n" * (check_house.FUNCTION_LINES_MAX + 1)
        for name, text, expected in [
                ("notes.txt", "hello\n", "notes.txt does not belong at the top level"),
                ("build/x.c", SPDX_C, "build does not belong at the top level"),
                ("docs/sound.wav", b"RIFF\0\0\n", "docs/sound.wav is binary"),
                ("docs/large.md", "x\n" * check_house.BYTES_MAX, "docs/large.md has"),
                ("src/long.c", SPDX_C + "\n" * check_house.LINES_MAX, "src/long.c has 703 lines"),
                ("tests/long.py", SPDX_SH + "\n" * check_house.LINES_MAX, "tests/long.py has 701 lines"),
                ("src/f.c", SPDX_C + "static void f(void)\n{\n" + body + "}\n", "a function of 61 lines"),
                ("src/wide.c", SPDX_C + "/*" + "x" * 137 + "*/\n", "src/wide.c:4 is wider"),
                ("src/tab.c", SPDX_C + "\tint x;\n", "src/tab.c has tabs"),
                ("src/cr.c", SPDX_C + "int x;\r\n", "src/cr.c has carriage returns"),
                ("src/blank.c", SPDX_C + "int x; \n", "blanks at a line's end"),
                ("src/end.c", SPDX_C + "int x;", "does not end with a newline"),
                ("src/no.c", "int x;\n", "src/no.c does not begin with its SPDX line"),
                ("tests/no.sh", "#!/bin/sh\necho\n", "tests/no.sh does not begin with its SPDX line"),
                ("tests/run.sh", "#!/bin/sh\n" + SPDX_SH, "tests/run.sh begins with '#!' and is not executable"),
                ("src/mute.c", "/* SPDX-License-Identifier: MIT */\n", "src/mute.c does not say what it owns"),
                ("src/later.c", SPDX_C + "/* TO" + "DO: think */\n", "src/later.c:4 'TO" + "DO'"),
                ("examples/a.py", SPDX_SH + "# a place" + "holder\n", "examples/a.py:2"),
                ("docs/a.md", "see /ho" + "me/me/acap\n", "docs/a.md:1 a path of one machine")]:
            with self.subTest(name):
                self.plant(name, text)
                self.assertIn(expected, self.complaints())
                os.remove(os.path.join(self.top, name))

    def test_what_is_allowed(self):
        self.plant("examples/go/main.go", "// SPDX-License-Identifier: MIT\nfunc main() {\n\tx()\n}\n")
        self.plant("tests/fuzz/corpus/seed", b"\0\r\t")
        self.plant("tests/run.sh", "#!/bin/sh\n" + SPDX_SH)
        os.chmod(os.path.join(self.top, "tests/run.sh"), 0o755)
        self.assertEqual(self.complaints(), "")

    def test_empty_tree(self):
        self.assertIn("there are no files", self.complaints())


unittest.main(verbosity=1)
