# SPDX-License-Identifier: MIT
# Owns: the proof that the checks of this directory bite: each is given a text with one fault in it and must object.
# Called by: CTest, as test_checks.py SOURCE_DIR DOXYGEN DOXYFILE.
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import check_doc_comments
import check_pages
import public_header

TOP, DOXYGEN, DOXYFILE = sys.argv[1:4]
del sys.argv[1:4]

GOOD = """
#define ACAP_OK 0
#define ACAP_ERROR_INVALID_ARGUMENT (-1)
#define ACAP_ERROR_NO_MEMORY (-2)
#define ACAP_ERROR_ABI_MISMATCH (-11)
#define ACAP_ERROR_FORKED (-12)
/**
 * Opens a thing.
 *
 * @param[in]  config  what is wanted.
 * @param[out] out     the thing; close it.
 * @return ACAP_OK, or
 *         - ACAP_ERROR_INVALID_ARGUMENT: NULL
 *         - ACAP_ERROR_ABI_MISMATCH: config->struct_size
 *         - ACAP_ERROR_FORKED
 * @thread any
 * @rt no: allocates
 * @since 0.1
 */
ACAP_API acap_result ACAP_CALL acap_thing_open(const acap_thing_config *config, acap_thing **out);
"""


class DocComments(unittest.TestCase):
    def complaints(self, *replacements):
        text = GOOD
        for old, new in replacements:
            self.assertEqual(text.count(old), 1, old)
            text = text.replace(old, new)
        return " / ".join(check_doc_comments.complaints_about(public_header.PublicHeader(text), (0, 1, 0)))

    def test_good_and_the_real_one(self):
        self.assertEqual(self.complaints(), "")
        path = os.path.join(TOP, "include", "acap", "acap.h")
        self.assertEqual(check_doc_comments.complaints_about(public_header.read(path), public_header.read_version(path)), [])

    def test_each_fault_is_found(self):
        for old, new, expected in [
                ("/**\n * Opens", "/*\n * Opens", "has no doc comment"),
                ("Opens a thing.", "Opens", "does not begin with a sentence"),
                (" * @thread any\n", "", "has 0 @thread"),
                ("@thread any", "@thread most", "@thread 'most' is not one of"),
                (" * @rt no: allocates\n", "", "has 0 @rt"),
                ("@rt no: allocates", "@rt no", "@rt 'no' is not one of"),
                ("@rt no: allocates\n", "@rt no: allocates\n * @rt no: may block\n", "has 2 @rt"),
                (" * @since 0.1\n", "", "needs one @since"),
                ("@since 0.1", "@since 0.2", "later than this version"),
                ("@since 0.1", "@since soon", "needs one @since"),
                ("@param[in]  config", "@param[in]  settings", "documents the parameters (settings, out)"),
                (" * @param[out] out     the thing; close it.\n", "", "documents the parameters (config)"),
                ("@param[out] out", "@param[in] out", "should be [out]"),
                ("@param[in]  config  what is wanted.", "@param[in]  config", "says nothing"),
                ("         - ACAP_ERROR_FORKED\n", "         - none\n", "does not mention ACAP_ERROR_FORKED"),
                ("ACAP_ERROR_ABI_MISMATCH: config->struct_size", "none", "does not mention ACAP_ERROR_ABI_MISMATCH"),
                ("- ACAP_ERROR_FORKED", "- ACAP_ERROR_FORKED, ACAP_ERROR_UNHEARD", "ACAP_ERROR_UNHEARD, which"),
                ("@return ACAP_OK", "@return Success", "does not mention ACAP_OK"),
                ("@thread any", "@author me", "@author is not a tag"),
                (" * @thread any\n * @rt no: allocates\n", " * @rt no: allocates\n * @thread any\n", "not in the order"),
                ("Opens a thing.", "Opens a thing. See acap_gone().", "acap_gone(), which does not exist"),
                ("Opens a thing.", "Opens a thing, unless ACAP_GONE.", "ACAP_GONE, which does not exist")]:
            with self.subTest(new or old):
                self.assertIn(expected, self.complaints((old, new)))

    def test_promises_that_contradict_the_results(self):
        self.assertIn("can return NO_MEMORY", self.complaints(("@rt no: allocates", "@rt yes: wait-free"),
                                                              ("- ACAP_ERROR_FORKED", "- ACAP_ERROR_FORKED, ACAP_ERROR_NO_MEMORY")))
        self.assertIn("has a timeout", self.complaints(("acap_thing **out);", "int64_t timeout_ns, acap_thing **out);"),
                                                       (" * @param[out]", " * @param[in] timeout_ns  a time.\n * @param[out]")))


class Pages(unittest.TestCase):
    """A small tree with two pages, one fault at a time."""

    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)
        self.write("CMakeLists.txt", "option(ACAP_WITH_X)\n")
        self.write("include/acap/version.h", "#define ACAP_VERSION_MAJOR 0\n#define ACAP_VERSION_MINOR 1\n#define ACAP_VERSION_PATCH 0\n")
        self.write("src/pool.c", "void acap_pool_retain(void);\n")
        self.write("README.md", "# acap\n\n## How to build\n\nSee [changes](docs/CHANGELOG.md), `src/pool.c`,\n"
                   "`acap_pool_retain`, ACAP_WITH_X, [above](#how-to-build), [elsewhere](https://example.org/none).\n")
        self.write("docs/CHANGELOG.md", "# Changes\n\n## [0.1.0] - Unreleased\n")

    def write(self, name, text):
        path = os.path.join(self.top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def complaints(self):
        return " / ".join(check_pages.complaints_about(self.top))

    def test_good(self):
        self.assertEqual(self.complaints(), "")

    def test_each_fault_is_found(self):
        for text, expected in [("[gone](gone.md)", "links to gone.md, which does not exist"),
                               ("[gone](CHANGELOG.md#gone)", "links to CHANGELOG.md#gone, and there is no such heading"),
                               ("`src/gone.c`", "names src/gone.c, which does not exist"),
                               ("`acap_pool_gone()`", "names acap_pool_gone, which no code does"),
                               ("-DACAP_WITH_Y=ON", "names ACAP_WITH_Y, which no code does")]:
            with self.subTest(text):
                self.write("docs/page.md", text + "\n")
                self.assertIn("docs/page.md " + expected, self.complaints())

    def test_missing_pages(self):
        os.remove(os.path.join(self.top, "README.md"))
        self.write("docs/CHANGELOG.md", "# Changes\n\n## [0.0.9]\n")
        self.assertIn("README.md is missing", self.complaints())
        self.assertIn("has no section [0.1.0]", self.complaints())


class Reference(unittest.TestCase):
    """Doxygen, as configured, on a header with a fault."""

    def run_doxygen(self, *replacement):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.join(TOP, "include", "acap"), os.path.join(folder, "acap"))
            path = os.path.join(folder, "acap", "acap.h")
            with open(path, encoding="utf-8") as file:
                text = file.read()
            if replacement:
                self.assertIn(replacement[0], text)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace(replacement[0], replacement[1], 1) if replacement else text)
            with open(DOXYFILE, encoding="utf-8") as file:
                settings = file.read() + '\nINPUT = "%s/acap"\nUSE_MDFILE_AS_MAINPAGE =\nOUTPUT_DIRECTORY = "%s"\n' % (folder, folder)
            return subprocess.run([DOXYGEN, "-"], input=settings, universal_newlines=True, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL).returncode

    def test_good(self):
        self.assertEqual(self.run_doxygen(), 0)

    def test_undocumented_member(self):
        self.assertNotEqual(self.run_doxygen("/**< buffers that exist now */", ""), 0)

    def test_undocumented_parameter(self):
        self.assertNotEqual(self.run_doxygen(" * @param[in] result  any number.\n", ""), 0)

    def test_undocumented_constant(self):
        self.assertNotEqual(self.run_doxygen("/**< success */", ""), 0)

    def test_parameter_that_does_not_exist(self):
        self.assertNotEqual(self.run_doxygen("@param[in] format  ", "@param[in] shape  "), 0)


unittest.main(verbosity=1)
