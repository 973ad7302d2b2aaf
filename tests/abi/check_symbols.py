# SPDX-License-Identifier: MIT
# Owns: what the built libraries show to a linker: header, version script and symbol table name the same functions; nothing else is visible.
# Called by: CTest, as check_symbols.py --header H --map M [--shared libacap.so] [--static libacap.a].
import argparse
import re
import subprocess
import sys

import public_header

# What compilers add to sanitized objects is not acap's.
FOREIGN = re.compile(r"__(asan|tsan|ubsan|odr_asan|start_|stop_|sancov)")


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def map_nodes(text):
    """{node: [symbols]} of a version script, in file order; 'local: *' must be in the first node."""
    nodes = {}
    for node, body in re.findall(r"^([\w.]+) \{\n(.*?)^\}[^;]*;$", text, re.M | re.S):
        body = body.split("local:")[0].replace("global:", "")
        nodes[node] = [name.strip() for name in body.split(";") if name.strip()]
    return nodes


def shared_symbols(path):
    """{name: version node} of everything that a shared library defines."""
    symbols = {}
    for line in output_of("nm", "-D", "--defined-only", "--with-symbol-versions", path).splitlines():
        kind, name = line.split()[-2:]
        if kind != "A" and not FOREIGN.match(name):
            name, _, node = name.partition("@@")
            symbols[name] = node
    return symbols


def static_symbols(path):
    """Every name that libacap.a could collide with."""
    listed = output_of("nm", "--defined-only", "--extern-only", "--format=posix", path)
    return {line.split()[0] for line in listed.splitlines() if len(line.split()) > 1 and not FOREIGN.match(line)}


def visible_symbols(path):
    """Those names of libacap.a that a shared library made from it would export again."""
    rows = [line.split() for line in output_of("readelf", "--symbols", "--wide", path).splitlines()]
    return {row[7] for row in rows if len(row) == 8 and row[4] in ("GLOBAL", "WEAK") and row[5] == "DEFAULT" and row[6] != "UND"
            and not FOREIGN.match(row[7])}


def difference(what, left, right):
    """One complaint a name that is on one side only."""
    return (["%s: %s is in the first only" % (what, name) for name in sorted(set(left) - set(right))]
            + ["%s: %s is in the second only" % (what, name) for name in sorted(set(right) - set(left))])


def node_complaints(header, nodes):
    """Each function stands in the node of the release that its @since names."""
    node_of = {name: node for node, names in nodes.items() for name in names}
    complaints = []
    for function in header.functions:
        since = re.search(r"@since (\S+)", function.comment or "")
        expected = "ACAP_" + since.group(1) if since else "none: it has no @since"
        if node_of.get(function.name) != expected:
            complaints.append("%s is in node %s of the map, its @since means %s" % (function.name, node_of.get(function.name), expected))
    return complaints


def map_complaints(header, map_text):
    nodes = map_nodes(map_text)
    listed = [name for names in nodes.values() for name in names]
    complaints = difference("header and map", [function.name for function in header.functions], listed)
    if len(listed) != len(set(listed)):
        complaints.append("the map names a function twice")
    if not re.search(r"local:\s*\*;", map_text):
        complaints.append("the map has no 'local: *;'")
    for node, names in nodes.items():
        if names != sorted(names):
            complaints.append("node %s of the map is not sorted" % node)
    return complaints + node_complaints(header, nodes)


def dynamic_complaints(major, path):
    """Soname, and what the loader is told."""
    dynamic = output_of("readelf", "--dynamic", "--wide", path)
    program = output_of("readelf", "--program-headers", "--wide", path)
    complaints = []
    if "Library soname: [libacap.so.%d]" % major not in dynamic:
        complaints.append("the soname is not libacap.so.%d" % major)
    for flag in ("NODELETE", "NOW"):
        if not re.search(r"\(FLAGS_1\).*\b%s\b" % flag, dynamic):
            complaints.append("the library is not linked with -z %s" % flag.lower())
    if "GNU_RELRO" not in program:
        complaints.append("the library is not linked with -z relro")
    if not re.search(r"GNU_STACK.* RW ", program):
        complaints.append("the stack would be executable")
    if re.search(r"\((RPATH|TEXTREL)\)", dynamic):
        complaints.append("the library has an RPATH or text relocations")
    return complaints


def shared_complaints(map_text, path):
    symbols = shared_symbols(path)
    node_of = {name: node for node, names in map_nodes(map_text).items() for name in names}
    complaints = difference("map and nm -D", node_of, symbols)
    complaints += ["%s is exported as %s, the map says %s" % (name, symbols[name], node_of[name])
                   for name in sorted(set(symbols) & set(node_of)) if symbols[name] != node_of[name]]
    return complaints


def static_complaints(header, path):
    symbols = static_symbols(path)
    complaints = ["libacap.a lacks %s" % function.name for function in header.functions if function.name not in symbols]
    strangers = sorted(name for name in symbols if not name.startswith("acap_"))
    complaints += ["libacap.a defines %s, which is not acap's name space" % name for name in strangers]
    return complaints + ["%s in libacap.a is not hidden" % name
                         for name in sorted(visible_symbols(path) - {function.name for function in header.functions})]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--header", required=True)
    parser.add_argument("--map", required=True)
    parser.add_argument("--shared")
    parser.add_argument("--static")
    arguments = parser.parse_args()
    header = public_header.read(arguments.header)
    with open(arguments.map, encoding="utf-8") as file:
        map_text = file.read()
    complaints = map_complaints(header, map_text)
    if arguments.shared:
        complaints += shared_complaints(map_text, arguments.shared)
        complaints += dynamic_complaints(public_header.read_version(arguments.header)[0], arguments.shared)
    if arguments.static:
        complaints += static_complaints(header, arguments.static)
    print("\n".join(complaints) or "%d functions: header, map and libraries agree" % len(header.functions))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
