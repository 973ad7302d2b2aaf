#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks of every memory order in the lock-free sources whether it is needed, and of the model check whether it would notice.

Each acquire, release, acq_rel and seq_cst is weakened, one place and one weaker order at a time, each fence left out, and the model check
is run: some property must break. What survives must be on the reviewed list below, with the reason; an entry of that list that does not
survive is an error, too. Nothing is rebuilt: acap_model takes the place and its new order as arguments (src/atomic.h names both).

    order_matrix.py --model BUILD/tests/model/acap_model [--source src] [--jobs 2] [--only TEXT] [--deep]
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time

# The protocols' own files first, then what is around them; with the properties (how their names begin) that use the file.
FILES = {
    "pool_rt.c": "pool,buffer,reader,held",
    "queue_rt.c": "queue,reader,wake,held",
    "wake_rt.c": "wake",
    "ledger_rt.c": "ledger",
    "gate.h": "gate,reader",
    "notices.h": "notice",
    "outlet.h": "wake,gate",
    "ingest_rt.c": "reader,wake,gate",
    "feed_rt.c": "reader,wake,gate",
    "reader.c": "reader,wake,gate",
    "stream_readers.c": "reader,gate",
    "stream_control.c": "gate,wake,reader",
    "stream_held.c": "held,reader",
    "stream.c": "gate,reader",
    "buffer.c": "buffer,pool,reader",
    "wake.c": "wake",
}

# (file, function, word, operation, from, to) -> why nothing breaks. A star matches anything.
EXEMPT = [
    ("stream_held.c", "acap__stream_count_held", "&stream->pool->capacity", "load", "acquire", "relaxed",
     "the model's headers are there from the start: pool.c, which provides a pool's, is no part of it"),
]

OPERATIONS = {"load": "load", "store": "store", "add": "fetch_add", "sub": "fetch_sub", "or": "fetch_or", "and": "fetch_and",
              "exchange": "exchange"}
ORDER = r"relaxed|acquire|release|acq_rel|seq_cst"
CALL = re.compile(rf"acap__(load|store|add|sub|or|and|exchange)_({ORDER})\s*\(")
CAS = re.compile(rf"acap__cas_({ORDER})(?:_({ORDER}))?\s*\(")
FENCE = re.compile(r"acap__fence_seq_cst\s*\(")
FUNCTION = re.compile(r"^(?:static |inline )*[A-Za-z_][\w *]*?\b(\w+)\((?:[^;]*)$")

# EXECUTIONS and BOUND, cheapest first: the first that breaks ends it. What is exempt is expected to survive: only a look.
LOOK = [(20000, 1), (5000, 0)]
QUICK = [(20000, 1), (100000, 0), (1000000, 2)]
DEEP = QUICK + [(1000000, 0), (100000000, 3)]
ONE_RUN_LIMIT_S = 600


class Place:
    """One order in one place, and a weaker one to try there."""

    def __init__(self, file, line, function, word, operation, strong, weak):
        self.file, self.line, self.function = file, line, function
        self.word, self.operation, self.strong, self.weak = word, operation, strong, weak

    def arguments(self):
        return ["--weaken", self.file, str(self.line), self.word, self.operation, self.strong, self.weak]

    def key(self):
        return (self.file, self.function, self.word, self.operation, self.strong, self.weak)

    def __str__(self):
        what = "left out" if self.operation == "fence" else f"{self.strong} -> {self.weak}"
        return f"{self.file}:{self.line} {self.function}: {self.operation} {self.word} {what}"


def weaker(operation, order):
    """All weaker orders that make sense for the operation."""
    if operation in ("load", "cas_failure"):
        return {"seq_cst": ["acquire", "relaxed"], "acquire": ["relaxed"]}.get(order, [])
    if operation == "store":
        return {"seq_cst": ["release", "relaxed"], "release": ["relaxed"]}.get(order, [])
    return {"seq_cst": ["acq_rel", "acquire", "release", "relaxed"], "acq_rel": ["acquire", "release", "relaxed"],
            "acquire": ["relaxed"], "release": ["relaxed"]}.get(order, [])


def without_comments(text):
    """Comments blanked out, so that lines and columns stay."""
    return re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.DOTALL)


def first_argument(text, start):
    """What stands between an opening parenthesis and the comma or parenthesis that ends the first argument."""
    depth = 0
    for end in range(start, len(text)):
        if text[end] in "([":
            depth += 1
        elif text[end] in ")]" and depth > 0:
            depth -= 1
        elif depth == 0 and text[end] in ",)":
            return " ".join(text[start:end].split())
    raise ValueError("unfinished call")


def places_in(source, file):
    text = without_comments((source / file).read_text())
    function = "?"
    places = []
    offset = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line[:1].isalpha() and FUNCTION.match(line):
            function = FUNCTION.match(line).group(1)
        for match in CALL.finditer(line):
            operation = OPERATIONS[match.group(1)]
            word = first_argument(text, offset + match.end())
            places += [Place(file, number, function, word, operation, match.group(2), weak)
                       for weak in weaker(operation, match.group(2))]
        for match in CAS.finditer(line):
            word = first_argument(text, offset + match.end())
            places += [Place(file, number, function, word, "cas", match.group(1), weak) for weak in weaker("cas", match.group(1))]
            failure = match.group(2) or "relaxed"
            places += [Place(file, number, function, word, "cas_failure", failure, weak) for weak in weaker("cas_failure", failure)]
        if FENCE.search(line):
            places.append(Place(file, number, function, "-", "fence", "seq_cst", "none"))
        offset += len(line) + 1
    names = [(place.line, place.key()) for place in places]
    if len(set(names)) != len(names):
        sys.exit(f"{file}: two places that cannot be told apart: put them on lines of their own")
    return places


def exemption(place):
    for *pattern, reason in EXEMPT:
        if all(wanted in ("*", found) for wanted, found in zip(pattern, place.key())):
            return reason
    return None


def run(model, place, steps):
    """The property that broke, or None; and whether the model came by the place at all."""
    was_used = False
    for executions, bound in steps:
        command = [model, "--only", FILES[place.file], *place.arguments(), str(executions), str(bound)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=ONE_RUN_LIMIT_S)
        uses = re.search(r"come by (\d+) times", result.stdout)
        was_used = was_used or (uses is not None and int(uses.group(1)) > 0)
        broken = re.search(r"^(\S+).*BROKEN: (.*)$", result.stdout, re.MULTILINE)
        if broken:
            return f"{broken.group(1)}: {broken.group(2).lower()}", was_used
        if result.returncode not in (0, 3):
            return f"the model ended with {result.returncode}", was_used
    return None, was_used


def steps_for(place, is_deep):
    if is_deep:
        return DEEP
    return LOOK if exemption(place) else QUICK


def judge(place, killer, was_used):
    reason = exemption(place)
    if not was_used:
        return "NEVER RUN", "the model never came by this place"
    if killer is not None:
        return ("STALE", f"on the list of the exempt, but killed by {killer}") if reason else ("killed", killer)
    return ("exempt", reason) if reason else ("SURVIVED", "nothing breaks, and no reason is listed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "src")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="places with this text in their description")
    parser.add_argument("--deep", action="store_true", help="try the survivors harder: three preemptions, more random executions")
    arguments = parser.parse_args()

    begin = time.monotonic()
    places = [place for file in FILES for place in places_in(arguments.source, file) if arguments.only in str(place)]
    counts = {}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as executor:
        results = executor.map(lambda place: run(arguments.model, place, steps_for(place, arguments.deep)), places)
        for place, (killer, was_used) in zip(places, results):
            verdict, text = judge(place, killer, was_used)
            counts[verdict] = counts.get(verdict, 0) + 1
            print(f"{verdict:9} {place}  [{text}]", flush=True)
    bad = {verdict: count for verdict, count in counts.items() if verdict not in ("killed", "exempt")}
    print(f"{len(places)} weakenings in {time.monotonic() - begin:.0f} s: "
          + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    if not places:
        sys.exit("nothing to weaken was found")
    print("VERDICT: " + ("every order is needed, or its exemption reviewed" if not bad else "not every order is accounted for"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
