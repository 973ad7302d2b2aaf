# SPDX-License-Identifier: MIT
# Owns: what the doc comment of a public function must say, so that somebody who never reads the source can call it from any language.
# Called by: CTest, as check_doc_comments.py include/acap/acap.h; test_checks.py.
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "abi"))
import public_header  # noqa: E402

# Closed vocabularies: a new word is a decision, taken here.
THREAD = {"any", "one at a time per object", "one consumer at a time per reader", "owner only"}
RT = {"yes: wait-free", "yes: lock-free", "no: may block", "no: allocates"}
# Environment variables, version.h, and what acap_result_name() says of a stranger.
NAMES_FROM_ELSEWHERE = {"ACAP_BACKEND", "ACAP_DEVICE", "ACAP_VERSION", "ACAP_UNKNOWN_RESULT"}
TAG_ORDER = ["param", "return", "thread", "rt", "since"]


def plain(comment):
    """The comment without its stars, line by line."""
    body = re.sub(r"^/\*\*|\*/$", "", comment.strip())
    return "\n".join(re.sub(r"^\s*\* ?", "", line) for line in body.split("\n")).strip()


class DocComment:
    """A doc comment taken apart: what stands before the first tag, and [(tag, attribute, text)]."""

    def __init__(self, comment):
        text = plain(comment)
        parts = re.split(r"^@(\w+)(?:\[([\w,]+)\])?", text, flags=re.M)
        self.brief = parts[0].strip()
        self.tags = [(parts[i], parts[i + 1], parts[i + 2].strip()) for i in range(1, len(parts), 3)]

    def texts(self, tag):
        return [text for name, _, text in self.tags if name == tag]


def one_of(doc, tag, vocabulary):
    """Exactly one such tag, from the vocabulary."""
    texts = doc.texts(tag)
    if len(texts) != 1:
        return ["has %d @%s" % (len(texts), tag)]
    return [] if texts[0] in vocabulary else ["@%s '%s' is not one of: %s" % (tag, texts[0], "; ".join(sorted(vocabulary)))]


def direction_of(type_text, name, structs):
    """What @param's attribute must be: 'out' comes out, a struct that is not const is read for its size and filled, all else goes in."""
    if name == "out":
        return "out"
    return "in,out" if type_text in ["%s *" % struct for struct in structs] else "in"


def param_complaints(function, doc, structs):
    """Each parameter once, in order, with its direction and a text."""
    documented = [(attribute, text.split()[0] if text else "", text) for tag, attribute, text in doc.tags if tag == "param"]
    names = [name for _, name, _ in documented]
    expected = [name for _, name in function.parameters]
    if names != expected:
        return ["documents the parameters (%s), it has (%s)" % (", ".join(names), ", ".join(expected))]
    complaints = []
    for (type_text, name), (attribute, _, text) in zip(function.parameters, documented):
        if attribute != direction_of(type_text, name, structs):
            complaints.append("@param[%s] %s should be [%s]" % (attribute, name, direction_of(type_text, name, structs)))
        if len(text.split()) < 2:
            complaints.append("@param %s says nothing" % name)
    return complaints


def return_complaints(function, doc, structs, results):
    """A @return unless void; functions with a result say which ones they can return, by names that exist."""
    texts = doc.texts("return")
    if function.result == "void":
        return ["returns nothing, but has a @return"] if texts else []
    if len(texts) != 1 or not texts[0]:
        return ["needs one @return"]
    complaints = ["names %s, which is no result" % name for name in re.findall(r"ACAP_ERROR_\w+", texts[0]) if name not in results]
    if function.result == "acap_result":
        delegates = re.search(r"what acap_\w+\(\) would return", texts[0])
        for name in ("ACAP_OK",) if delegates else ("ACAP_OK", "ACAP_ERROR_INVALID_ARGUMENT", "ACAP_ERROR_FORKED"):
            if not re.search(name + r"\b", texts[0]):
                complaints.append("@return does not mention %s" % name)
        is_sized = any("_config" in kind or direction_of(kind, name, structs) == "in,out" for kind, name in function.parameters)
        if is_sized and not delegates and "ACAP_ERROR_ABI_MISMATCH" not in texts[0]:
            complaints.append("takes a sized struct, but @return does not mention ACAP_ERROR_ABI_MISMATCH")
    return complaints


def promise_complaints(function, doc):
    """What @rt promises and what @return admits must not contradict each other."""
    text = " ".join(doc.texts("return"))
    if doc.texts("rt")[:1] and doc.texts("rt")[0].startswith("yes") and re.search(r"ACAP_ERROR_(NO_MEMORY|HOST_STUCK)", text):
        return ["is @rt yes, yet can return NO_MEMORY or HOST_STUCK"]
    if any(name.startswith("timeout_") for _, name in function.parameters) and "no: may block" not in doc.texts("rt"):
        return ["has a timeout, yet is not '@rt no: may block'"]
    return []


def since_complaints(doc, version):
    texts = doc.texts("since")
    if len(texts) != 1 or not re.fullmatch(r"\d+\.\d+", texts[0]):
        return ["needs one @since MAJOR.MINOR"]
    if tuple(int(part) for part in texts[0].split(".")) > version[:2]:
        return ["@since %s is later than this version" % texts[0]]
    return []


def function_complaints(function, header, version):
    if function.comment is None or not function.comment.startswith("/**"):
        return ["has no doc comment"]
    doc = DocComment(function.comment)
    complaints = []
    if not doc.brief.split("\n\n")[0].rstrip().endswith("."):
        complaints.append("does not begin with a sentence")
    order = [TAG_ORDER.index(tag) if tag in TAG_ORDER else -1 for tag, _, _ in doc.tags]
    complaints += ["@%s is not a tag of this header" % tag for tag, _, _ in doc.tags if tag not in TAG_ORDER]
    if order != sorted(order):
        complaints.append("its tags are not in the order @" + " @".join(TAG_ORDER))
    complaints += param_complaints(function, doc, header.structs)
    complaints += return_complaints(function, doc, header.structs, set(header.results()))
    complaints += one_of(doc, "thread", THREAD) + one_of(doc, "rt", RT) + since_complaints(doc, version)
    return complaints + promise_complaints(function, doc)


def reference_complaints(header):
    """Comments name only what exists."""
    functions = {function.name for function in header.functions}
    constants = {name for name, _ in header.macros} | NAMES_FROM_ELSEWHERE
    complaints = []
    for comment in re.findall(r"/\*.*?\*/", header.text, re.S):
        complaints += ["a comment names %s(), which does not exist" % name for name in re.findall(r"\b(acap_\w+)\(\)", comment)
                       if name not in functions]
        complaints += ["a comment names %s, which does not exist" % name
                       for name in re.findall(r"\b(ACAP_[A-Z0-9_]*[A-Z0-9])\b(?!\*)", comment) if name not in constants]
    return complaints


def complaints_about(header, version):
    """All that is wrong with a header, in words."""
    complaints = []
    for function in header.functions:
        complaints += ["line %d: %s %s" % (function.line, function.name, text)
                       for text in function_complaints(function, header, version)]
    return complaints + reference_complaints(header)


def main():
    header = public_header.read(sys.argv[1])
    complaints = complaints_about(header, public_header.read_version(sys.argv[1]))
    print("\n".join(complaints) or "%d functions are documented in full" % len(header.functions))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
