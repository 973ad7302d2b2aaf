#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the audio thread can reach, read from the library's object files.

  check_reach.py symbols OBJECT...   each *_rt object needs nothing but other *_rt objects and a short list
  check_reach.py closure OBJECT...   every function that can be reached from a function in a *_rt object, by calls, by addresses taken and
                                     by tables of addresses, is one that may run there; a violation is reported with its path

--sources DIRECTORY: fails unless each *_rt.c below it has its object here (but for those that this build leaves out by --absent).
--expect VIOLATION (repeated): succeeds only if exactly these violations are found, for the checks of the check.

An object is known as *_rt by its name. Exit code 77: instrumented objects, which call into their tool's runtime.
"""
import argparse
import bisect
import collections
import os
import re
import subprocess
import sys

# What any of them may call of the C library: neither allocates, locks nor enters the system.
PURE = {"memcpy", "memset", "memmove", "memcmp", "__stack_chk_fail"}

# A table of what the processor can, which the compiler's library fills before main.
PURE |= {"__cpu_model"}

# What the *_rt objects may need besides each other.
SEAM = {"acap_clock_ns", "acap__wake_send"}

# Where those two lead: the only functions outside of *_rt objects, and who may make which call that enters the system (the clock does not,
# where the kernel maps it into the process).
BEYOND = {"acap_clock_ns", "to_ns", "acap__wake_send", "acap__event_set", "acap__futex_wake"}
SYSTEM = {"clock_gettime": {"acap_clock_ns"}, "write": {"acap__event_set"}, "syscall": {"acap__futex_wake"}}

# Objects in which a call through a pointer is known to be harmless: a table of conversions, whose entries are followed as addresses; and
# ALSA's function that sets a thread's error handler, one store.
POINTER_CALLERS = {"convert_rt.c.o", "portaudio_tap_rt.c.o"}

# Promised to be safe in signal handlers, and so held to the same; with what they need outside of *_rt objects.
SIGNAL_SAFE = ("acap_reader_interrupt", "acap_reader_end")
BEYOND |= {*SIGNAL_SAFE, "acap__forked", "acap__outlet_end"}
PURE |= {"__errno_location"}

# What PortAudio calls on its audio thread, beside its own calls: they have to know PortAudio's types, and are in no *_rt file for that. The
# first callback asks for the thread's real-time class, once a stream.
CALLBACKS = {"backend_portaudio.c.o": ("on_audio", "on_finished")}
BEYOND |= {"on_audio", "on_finished", "adopt_thread", "acap__feed_adopt_thread", "acap__thread_ask_realtime"}
SYSTEM["syscall"] |= {"acap__thread_ask_realtime"}
SYSTEM["sched_getscheduler"] = SYSTEM["sched_setscheduler"] = {"acap__thread_ask_realtime"}

# A check that finds nothing because it cannot read the objects must not pass.
ENTRY = "acap__feed_deliver"
MUST_REACH = {"acap__pool_take", "acap__header_recycle", "acap__queue_push", "acap__ledger_write", "acap__convert", "acap__is_silent",
              "acap__wake_claim", "acap__wake_send", "acap__event_set", "acap__futex_wake", "clock_gettime", "write", "syscall"}

INSTRUMENTED = ("__asan_", "__tsan_", "__ubsan_", "__msan_", "__rtsan_", "__sanitizer_", "__gcov_", "__llvm_prof")

Symbol = collections.namedtuple("Symbol", "name section offset size kind is_global")
Relocation = collections.namedtuple("Relocation", "offset kind symbol addend")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ, LC_ALL="C")).stdout


def plain(name):
    """Without what compilers append to the names of parts and copies of a function."""
    return name.split(".")[0] if not name.startswith(".") else name


class Object:
    def __init__(self, path):
        self.path = path
        self.base = os.path.basename(path)
        self.sections = self.read_sections()
        self.symbols = self.read_symbols()
        self.relocations = self.read_relocations()
        self.relocated = collections.defaultdict(list)
        for section, relocations in self.relocations.items():
            self.relocated[section] = [relocation.offset for relocation in relocations]
        self.functions = collections.defaultdict(list)  # section: sorted [(offset, Symbol)]
        for symbol in self.symbols:
            if symbol.kind == "FUNC" and symbol.section is not None:
                self.functions[symbol.section].append((symbol.offset, symbol))
        for functions in self.functions.values():
            functions.sort(key=lambda entry: entry[0])
        self.by_name = {symbol.name: symbol for symbol in self.symbols if symbol.section is not None}

    def is_rt(self):
        return re.search(r"_rt\.c(\.o|\.obj)?$", self.base) is not None

    def read_sections(self):
        sections = {}
        for line in run("readelf", "-SW", self.path).splitlines():
            match = re.match(r"\s*\[\s*(\d+)\]\s+(\S+)\s+\S+\s+[0-9a-f]+\s+[0-9a-f]+\s+[0-9a-f]+\s+[0-9a-f]+\s+([A-Z]*)", line)
            if match:
                sections[int(match.group(1))] = (match.group(2), match.group(3))
        return sections

    def is_code(self, section):
        return any(name == section and "X" in flags for name, flags in self.sections.values())

    def read_symbols(self):
        symbols = []
        for line in run("readelf", "-sW", self.path).splitlines():
            fields = line.split()
            if len(fields) < 8 or not fields[0].endswith(":") or not fields[0][:-1].isdigit():
                continue
            section = self.sections[int(fields[6])][0] if fields[6].isdigit() else None
            symbols.append(Symbol(fields[7].split("@")[0], section, int(fields[1], 16), int(fields[2], 0), fields[3], fields[4] != "LOCAL"))
        return symbols

    def read_relocations(self):
        relocations = collections.defaultdict(list)
        section = None
        for line in run("readelf", "-rW", self.path).splitlines():
            header = re.match(r"Relocation section '\.rela?(\S+)'", line)
            if header:
                section = header.group(1)
                continue
            match = re.match(r"([0-9a-f]+)\s+[0-9a-f]+\s+(R_\S+)\s+[0-9a-f]+\s+(\S+)(?:\s+([+-])\s+([0-9a-f]+))?", line)
            if match and section is not None:
                addend = int(match.group(5), 16) if match.group(5) else 0
                addend = -addend if match.group(4) == "-" else addend
                relocations[section].append(Relocation(int(match.group(1), 16), match.group(2), match.group(3).split("@")[0], addend))
        for entries in relocations.values():
            entries.sort(key=lambda relocation: relocation.offset)
        return relocations

    def undefined(self):
        return {symbol.name for symbol in self.symbols
                if symbol.section is None and symbol.is_global and symbol.name and symbol.name != "_GLOBAL_OFFSET_TABLE_"}

    def function_at(self, section, offset):
        functions = self.functions.get(section, [])
        index = bisect.bisect_right([entry[0] for entry in functions], offset) - 1
        return functions[index][1].name if index >= 0 else None

    def target(self, relocation):
        """(section, offset) within this object, or the name of a global."""
        skew = 4 if relocation.kind.startswith("R_X86_64_P") or relocation.kind.startswith("R_X86_64_GOTP") else 0
        if relocation.symbol in {name for name, _ in self.sections.values()}:
            return relocation.symbol, relocation.addend + skew
        symbol = self.by_name.get(relocation.symbol)
        if symbol is not None:
            return symbol.section, symbol.offset
        return relocation.symbol


def disassembled(item):
    """section: [(offset, instruction)]"""
    code = collections.defaultdict(list)
    section = None
    for line in run("objdump", "-dw", "--no-show-raw-insn", item.path).splitlines():
        header = re.match(r"Disassembly of section (\S+):", line)
        match = re.match(r"\s*([0-9a-f]+):\t(.*)$", line)
        if header:
            section = header.group(1)
        elif match and section is not None:
            code[section].append((int(match.group(1), 16), match.group(2)))
    return code


class Graph:
    """Edges between nodes: "function", "external" and (object, section) of data that holds addresses."""

    def __init__(self, objects):
        self.objects = objects
        self.edges = collections.defaultdict(set)
        self.pointer_calls = set()
        self.pointer_jumps = set()
        self.home = {}  # function: its object
        # A header's inline function may be a static one in any object.
        self.rt_names = {plain(symbol.name) for item in objects if item.is_rt() for symbol in item.symbols if symbol.kind == "FUNC"}
        self.owners = {symbol.name: (item, symbol) for item in objects for symbol in item.symbols
                       if symbol.is_global and symbol.section is not None}
        for item in objects:
            for functions in item.functions.values():
                for _, symbol in functions:
                    self.home[self.node(item, symbol.name)] = item
        for item in objects:
            self.add_code(item)
            self.add_data(item)

    def node(self, item, name):
        """A static function is another one in each object."""
        if name in item.by_name and not item.by_name[name].is_global:
            return "%s:%s" % (item.base, plain(name))
        return plain(name)

    def resolve(self, item, target):
        if isinstance(target, str):
            owner = self.owners.get(target)
            if owner is None:
                return target
            item, symbol = owner
            target = (symbol.section, symbol.offset)
        section, offset = target
        if item.is_code(section):
            name = item.function_at(section, offset)
            return self.node(item, name) if name is not None else "%s:unknown code in %s" % (item.base, section)
        return item.base, section

    def add_code(self, item):
        for section, instructions in disassembled(item).items():
            ends = [offset for offset, _ in instructions[1:]] + [sys.maxsize]
            for (offset, text), end in zip(instructions, ends):
                self.add_instruction(item, section, offset, end, text)
        for section in [name for name, flags in item.sections.values() if "X" in flags]:
            for relocation in item.relocations.get(section, []):
                name = item.function_at(section, relocation.offset)
                if name is not None:
                    self.edges[self.node(item, name)].add(self.resolve(item, item.target(relocation)))

    def add_instruction(self, item, section, offset, end, text):
        """A direct transfer within the section, or a call through a pointer. What has a relocation is read from that."""
        name = item.function_at(section, offset)
        places = item.relocated[section]
        next_place = bisect.bisect_left(places, offset)
        if name is None or (next_place < len(places) and places[next_place] < end):
            return
        function = self.node(item, name)
        direct = re.search(r"\b([0-9a-f]+) <[^>]+>\s*$", text)
        if direct and "#" not in text:
            callee = item.function_at(section, int(direct.group(1), 16))
            if callee is not None and self.node(item, callee) != function:
                self.edges[function].add(self.node(item, callee))
        if re.match(r"(notrack |bnd )?call\s+\*|blr\s", text):
            self.pointer_calls.add(function)
        elif re.match(r"(notrack |bnd )?jmp\s+\*|br\s", text):
            self.pointer_jumps.add(function)

    def add_data(self, item):
        """Tables of addresses. Entries relative to their own place are jump tables, which stay within their function."""
        for section, relocations in item.relocations.items():
            if item.is_code(section) or section.startswith((".debug", ".eh_frame", ".note", ".init_array", ".fini_array")):
                continue
            for relocation in relocations:
                if relocation.kind.endswith(("_64", "_ABS64")):
                    self.edges[(item.base, section)].add(self.resolve(item, item.target(relocation)))


    def calls_through_pointer(self, node):
        """A jump through a pointer is such a call at a function's end, unless the function has a jump table."""
        has_table = any(isinstance(target, tuple) and target[1].startswith(".rodata") for target in self.edges[node])
        return node in self.pointer_calls or (node in self.pointer_jumps and not has_table)


def text_of(node):
    """None: nobody, as the caller of a root."""
    if node is None:
        return ""
    return node.split(":")[-1] if isinstance(node, str) else "%s of %s" % (node[1], node[0])


def path_to(node, parents):
    path = []
    while node is not None:
        if isinstance(node, str):
            path.append(text_of(node))
        node = parents[node]
    return " -> ".join(reversed(path))


def fault_of(graph, node, caller):
    """None, or why this function must not be reached from that caller."""
    home = graph.home.get(node)
    name = text_of(node)
    if home is None:
        return None if name in PURE or text_of(caller) in SYSTEM.get(name, ()) else ""
    if not home.is_rt() and name not in BEYOND and name not in graph.rt_names:
        return " (outside of the *_rt files)"
    if graph.calls_through_pointer(node) and home.base not in POINTER_CALLERS:
        return " (calls through a pointer)"
    return None


def search(graph, roots):
    """Breadth first from one root after the other, so that paths begin at the first root that has one and are short. Returns violations,
    and the names that were reached."""
    parents = {}
    violations = []

    def visit(node, parent):
        if node in parents and node in graph.home:
            return
        fault = fault_of(graph, node, parent) if isinstance(node, str) and node != "_GLOBAL_OFFSET_TABLE_" else None
        if fault is not None:
            violations.append(path_to(parent, parents) + (" -> " if parent else "") + text_of(node) + fault)
        if node not in parents:
            parents[node] = parent
            queue.append(node)

    for root in roots:
        queue = collections.deque()
        visit(root, None)
        while queue:
            node = queue.popleft()
            for target in sorted(graph.edges.get(node, ()), key=str):
                visit(target, node)
    return violations, {text_of(node) for node in parents}


def check_closure(objects):
    graph = Graph(objects)
    if ENTRY not in graph.home or not graph.home[ENTRY].is_rt():
        sys.exit("%s is in none of the *_rt objects" % ENTRY)
    _, reached = search(graph, [ENTRY])
    missed = MUST_REACH - reached
    if missed:
        sys.exit("the objects were not understood: %s does not seem to reach %s" % (ENTRY, ", ".join(sorted(missed))))
    # Static functions last: those that the others reach are then named by a path.
    roots = sorted((node for node, home in graph.home.items() if home.is_rt()), key=lambda node: (node != ENTRY, ":" in node, node))
    roots += [name for name in SIGNAL_SAFE if name in graph.home]
    roots += ["%s:%s" % (item.base, name) for item in objects for name in CALLBACKS.get(item.base, ())]
    unknown = [root for root in roots if root not in graph.home]
    if unknown:
        sys.exit("there is no function %s" % ", ".join(unknown))
    violations, reached = search(graph, roots)
    print("%d functions reached from %d" % (len(reached), len(roots)))
    return violations


def check_symbols(objects):
    rt = [item for item in objects if item.is_rt()]
    defined = {symbol.name for item in rt for symbol in item.symbols if symbol.section is not None and symbol.is_global}
    allowed = defined | PURE | SEAM
    print("%d *_rt objects" % len(rt))
    return ["%s: %s" % (item.base, name) for item in rt for name in sorted(item.undefined() - allowed)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("check", choices=("symbols", "closure"))
    parser.add_argument("objects", nargs="+")
    parser.add_argument("--sources")
    parser.add_argument("--absent", action="append", default=[])
    parser.add_argument("--expect", action="append")
    arguments = parser.parse_args()

    missing = [path for path in arguments.objects if not os.path.exists(path)]
    if missing:
        sys.exit("%s does not exist: build first" % missing[0])
    objects = [Object(path) for path in arguments.objects if path.endswith((".o", ".obj"))]
    tools = sorted({name for item in objects for name in item.undefined() if name.startswith(INSTRUMENTED)})
    if tools:
        print("skipped: the objects are instrumented (%s)" % tools[0])
        sys.exit(77)
    if arguments.sources:
        here = {re.sub(r"\.(o|obj)$", "", item.base) for item in objects}
        missing = sorted(name for name in os.listdir(arguments.sources)
                         if name.endswith("_rt.c") and name not in here and name not in arguments.absent)
        if missing:
            sys.exit("no object was given for %s" % ", ".join(missing))

    violations = (check_symbols if arguments.check == "symbols" else check_closure)(objects)
    for violation in violations:
        print(violation)
    if arguments.expect is not None:
        different = set(violations) ^ set(arguments.expect)
        if different:
            sys.exit("expected other violations; one side only: %s" % "; ".join(sorted(different)))
    elif violations:
        sys.exit("the audio thread could reach what it must not")


if __name__ == "__main__":
    main()
