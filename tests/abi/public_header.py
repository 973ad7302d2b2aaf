# SPDX-License-Identifier: MIT
# Owns: reading include/acap/*.h. Every check of the ABI and of the documentation gets its list of constants, structs, members,
# initializers and functions from here, so that there is no second list to forget.
# Used by: the scripts in tests/abi and tests/docs. Plain Python 3, no packages.
"""The public header as data. Raises HeaderError on anything it does not understand, rather than overlook it."""

import os
import re

# Spelled for compilers, not for users: no part of the ABI.
PLUMBING = {"ACAP_H", "ACAP_VERSION_H", "ACAP_API", "ACAP_CALL", "ACAP_PAD32", "ACAP_PAD32_INIT"}


class HeaderError(Exception):
    """The header holds something that these scripts cannot read."""


class Member:
    """One member of a struct. only_32_bit: present where pointers have 32 bits."""

    def __init__(self, name, type_text, only_32_bit=False):
        self.name = name
        self.type_text = type_text
        self.only_32_bit = only_32_bit


class Function:
    """One function: result and parameter types as written, and the doc comment in front of it."""

    def __init__(self, name, result, parameters, comment, line):
        self.name = name
        self.result = result
        self.parameters = parameters  # [(type, name)]
        self.comment = comment  # None: there is none
        self.line = line

    def prototype(self):
        """Types only: a parameter's name is no part of the ABI."""
        types = ", ".join(kind for kind, _ in self.parameters) or "void"
        return "%s%s%s(%s)" % (self.result, "" if self.result.endswith("*") else " ", self.name, types)


def without_comments(text):
    """Line numbers stay."""
    return re.sub(r"/\*.*?\*/", lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=re.S)


def one_space(text):
    return " ".join(text.split())


def split_declaration(text):
    """'const char *name' -> ('const char *', 'name'); 'char name[8]' -> ('char[8]', 'name')."""
    found = re.fullmatch(r"(.*?[\s*])(\w+)((?:\[\w+\])?)", one_space(text))
    if not found:
        raise HeaderError("cannot read the declaration '%s'" % text)
    return found.group(1).strip() + found.group(3), found.group(2)


class PublicHeader:
    """What include/acap/acap.h (and version.h) declare, in their order."""

    def __init__(self, text):
        self.text = text
        self.code = without_comments(text)
        self.macros = self._read_macros()
        self.constants = [name for name, value in self.macros if value and not name.endswith("_INIT") and name not in PLUMBING]
        self.initializers = [name for name, _ in self.macros if name.endswith("_INIT") and name not in PLUMBING]
        self.initializers = list(dict.fromkeys(self.initializers))
        self.structs = self._read_structs()
        self.handles = re.findall(r"^typedef struct (\w+) \1;$", self.code, re.M)
        self.functions = self._read_functions()
        self._expect_nothing_else()

    def results(self):
        """The names of acap_result's values."""
        return [name for name in self.constants if name in ("ACAP_OK", "ACAP_TIMED_OUT", "ACAP_END", "ACAP_INTERRUPTED")
                or name.startswith("ACAP_ERROR_")]

    def struct_of_initializer(self, initializer):
        """ACAP_POOL_STATS_INIT -> acap_pool_stats"""
        return initializer[:-len("_INIT")].lower()

    def _read_macros(self):
        joined = self.code.replace("\\\n", "  ")
        return [(name, one_space(value)) for name, value in re.findall(r"^#define (\w+)(?:\([^)]*\))?(.*)$", joined, re.M)]

    def _read_structs(self):
        structs = {}
        for name, body, end in re.findall(r"^typedef struct (\w+) \{\n(.*?)^\} (\w+);$", self.code, re.M | re.S):
            if name != end:
                raise HeaderError("struct %s has the typedef name %s" % (name, end))
            structs[name] = [self._read_member(line) for line in body.splitlines() if line.strip()]
        return structs

    @staticmethod
    def _read_member(line):
        pad = re.fullmatch(r"\s*ACAP_PAD32\((\w+)\)\s*", line)
        if pad:
            return Member(pad.group(1), "uint32_t", only_32_bit=True)
        if line.count(";") != 1 or not line.rstrip().endswith(";") or "," in line:
            raise HeaderError("one member a line, please: '%s'" % line.strip())
        type_text, name = split_declaration(line.strip()[:-1])
        return Member(name, type_text)

    def _read_functions(self):
        functions = []
        pattern = re.compile(r"^ACAP_API ([^;(]*?)ACAP_CALL (\w+)\(([^;]*?)\);$", re.M | re.S)
        for found in pattern.finditer(self.code):
            parameters = [split_declaration(part) for part in found.group(3).split(",") if one_space(part) != "void"]
            before = self.text[:found.start()].rstrip()
            comment = None
            if before.endswith("*/"):
                comment = before[before.rindex("/*"):]
            functions.append(Function(found.group(2), one_space(found.group(1)), parameters, comment,
                                      self.text.count("\n", 0, found.start()) + 1))
        return functions

    def _expect_nothing_else(self):
        exported = len(re.findall(r"^ACAP_API\b", self.code, re.M))
        if exported != len(self.functions):
            raise HeaderError("%d functions carry ACAP_API, %d could be read" % (exported, len(self.functions)))
        opened = len(re.findall(r"\bstruct\s+\w+\s*\{", self.code))
        if opened != len(self.structs):
            raise HeaderError("%d structs are defined, %d could be read" % (opened, len(self.structs)))
        for word in ("enum", "union", "inline", "bool", "_Bool", "long", "...", "unsigned"):
            if re.search(r"(?<!\w)%s(?!\w)" % re.escape(word), re.sub(r"^#.*$", "", self.code, flags=re.M)):
                raise HeaderError("'%s' must not cross the ABI" % word)


def read(path):
    """The header at path, as data."""
    with open(path, encoding="utf-8") as file:
        return PublicHeader(file.read())


def read_version(path):
    """(major, minor, patch) of the version.h that lies beside the header at path."""
    with open(os.path.join(os.path.dirname(path), "version.h"), encoding="utf-8") as file:
        text = file.read()
    return tuple(int(re.search(r"^#define ACAP_VERSION_%s (\d+)$" % part, text, re.M).group(1)) for part in ("MAJOR", "MINOR", "PATCH"))
