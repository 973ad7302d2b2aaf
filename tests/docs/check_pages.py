# SPDX-License-Identifier: MIT
# Owns: README.md and docs/*.md against the tree: links, paths and names in them exist; the changelog knows this version.
# Called by: CTest, as check_pages.py SOURCE_DIR; test_checks.py.
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "abi"))
import public_header  # noqa: E402

CODE_FOLDERS = ("include", "src", "tests", "examples", "bench")
NAME = re.compile(r"(?:\b|(?<=-D))(?:acap_|ACAP_)\w*[A-Za-z0-9]\b(?![\w*])")


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def pages(top):
    return sorted(glob.glob(os.path.join(top, "docs", "*.md"))) + [os.path.join(top, "README.md")]


def names_in_code(top):
    """Every acap_ and ACAP_ word that code or build files use; what a page names beyond these is gone or misspelt."""
    names = set(NAME.findall(text_of(os.path.join(top, "CMakeLists.txt"))))
    for folder in CODE_FOLDERS:
        for where, folders, files in os.walk(os.path.join(top, folder)):
            folders[:] = [name for name in folders if name not in ("node_modules", "target", "__pycache__", "docs")]
            for file in files:
                names.update(NAME.findall(text_of(os.path.join(where, file))))
    return names


def anchors(text):
    """What '#...' may point to, the way forges make it from headings."""
    headings = re.findall(r"^#+ +(.+?) *$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def link_complaints(top, page, text):
    complaints = []
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(file):
            complaints.append("links to %s, which does not exist" % target)
        elif anchor and anchor not in anchors(text_of(file)):
            complaints.append("links to %s, and there is no such heading" % target)
    return complaints


def path_complaints(top, text):
    """A path in `code` that starts in a folder of the tree leads somewhere; '*' may stand in it."""
    found = re.findall(r"`((?:%s|docs|\.ci)/[\w./*-]+)" % "|".join(CODE_FOLDERS), text)
    return ["names %s, which does not exist" % path for path in sorted(set(found))
            if not glob.glob(os.path.join(top, path.rstrip(".")))]


def name_complaints(known, text):
    return ["names %s, which no code does" % name for name in sorted(set(NAME.findall(text)) - known)]


def changelog_complaints(top):
    version = "%d.%d.%d" % public_header.read_version(os.path.join(top, "include", "acap", "acap.h"))
    path = os.path.join(top, "docs", "CHANGELOG.md")
    headings = re.findall(r"^## \[([^\]]+)\]", text_of(path), re.M) if os.path.exists(path) else []
    return [] if version in headings else ["docs/CHANGELOG.md has no section [%s]" % version]


def complaints_about(top):
    known = names_in_code(top)
    complaints = []
    for page in pages(top):
        label = os.path.relpath(page, top)
        if not os.path.exists(page):
            complaints.append("%s is missing" % label)
            continue
        text = text_of(page)
        found = link_complaints(top, page, text) + path_complaints(top, text) + name_complaints(known, text)
        complaints += ["%s %s" % (label, complaint) for complaint in found]
    return complaints + changelog_complaints(top)


def main():
    complaints = complaints_about(sys.argv[1])
    print("\n".join(complaints) or "%d pages: every link, path and name exists" % len(pages(sys.argv[1])))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
