# SPDX-License-Identifier: MIT
# Owns: the picture of the stability runs, as SVG.
# Called by: tests/stability.sh, as plot.py TITLE OUT.svg CSV...
import html
import math
import sys

import figures

WIDTH, LEFT, RIGHT = 900, 70, 20
HEAD, PANEL, GAP, FOOT = 96, 150, 44, 44
COLUMNS = 300  # of which each keeps its lowest and highest figure, so that no peak is thinned out
COLOURS = {"C": "#444444", "Python": "#1f6fb5", "Node": "#c8501e"}
DASHES = {"zero-copy": "", "copying": ' stroke-dasharray="6 3"'}

PANELS = (
    ("resident memory, MiB", lambda row, first: row.resident_bytes / 2**20),
    ("asked of malloc since the beginning, MiB", lambda row, first: (row.process_allocated_bytes - first.process_allocated_bytes) / 2**20),
    ("collections since the beginning", lambda row, first: row.collections - first.collections),
    ("buffers out", lambda row, first: row.in_use),
)


def nice_step(span, count):
    """The smallest of 1, 2, 5, 10, 20, ... that needs no more than so many steps."""
    power = 10.0 ** math.floor(math.log10(span / count))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * count >= span)


def ticks(top, count):
    step = nice_step(top, count)
    return [index * step for index in range(int(top / step * 1.0001) + 1)]


def thinned(points, seconds):
    """The first lowest and highest point of each column, in the order of time."""
    columns = {}
    for point in points:
        columns.setdefault(int(point[0] / seconds * COLUMNS), []).append(point)
    kept = []
    for _, inside in sorted(columns.items()):
        ends = {min(inside, key=lambda point: point[1]), max(inside, key=lambda point: point[1])}
        kept += sorted(ends)
    return kept


class Panel:
    """Where one figure over time goes on the page."""

    def __init__(self, index, seconds, top):
        self.y0 = HEAD + index * (PANEL + GAP) + PANEL
        self.seconds = seconds
        self.top = top

    def x(self, seconds):
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, seconds / self.seconds)

    def y(self, value):
        return self.y0 - PANEL * value / self.top

    def frame(self, title):
        parts = ['<text x="%d" y="%.0f" class="t">%s</text>' % (LEFT, self.y0 - PANEL - 8, html.escape(title))]
        for value in ticks(self.top, 4):
            parts.append('<path d="M%d %.1fH%d" class="g"/>' % (LEFT, self.y(value), WIDTH - RIGHT))
            parts.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 8, self.y(value) + 4, "{:,g}".format(value)))
        return parts

    def line(self, run, value):
        points = thinned([(row.time_s, value(row, run.rows[0])) for row in run.rows], self.seconds)
        path = " ".join("%.1f,%.1f" % (self.x(time), self.y(figure)) for time, figure in points)
        return '<polyline points="%s" %s/>' % (path, stroke_of(run))


def stroke_of(run):
    colour = COLOURS.get(run.about.get("language"), "#888888")
    return 'class="l" stroke="%s"%s' % (colour, DASHES.get(run.about.get("variant"), ""))


def legend(runs):
    parts = []
    x = LEFT
    for run in runs:
        name = figures.name_of(run)
        parts.append('<path d="M%d 44h28" %s/><text x="%d" y="48">%s</text>' % (x, stroke_of(run), x + 34, html.escape(name)))
        x += 54 + 7 * len(name)
    return parts


def time_axis(seconds, height):
    unit, name = (60, "minutes") if seconds >= 120 else (1, "seconds")
    panel = Panel(len(PANELS) - 1, seconds, 1)
    parts = []
    for value in ticks(seconds / unit, 12):
        parts.append('<text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (panel.x(value * unit), panel.y0 + 18, value))
    parts.append('<text x="%d" y="%d" text-anchor="middle">%s</text>' % ((LEFT + WIDTH - RIGHT) / 2, height - 8, name))
    return parts


def picture(title, runs):
    seconds = max(row.time_s for run in runs for row in run.rows)
    height = HEAD + len(PANELS) * (PANEL + GAP) - GAP + FOOT
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d">' % (WIDTH, height),
        "<style>text{font:12px sans-serif;fill:#333333}.t{font-weight:bold}.h{font:bold 15px sans-serif}.g{stroke:#dddddd}"
        ".l{fill:none;stroke-width:1.6}</style>",
        '<rect width="%d" height="%d" fill="#ffffff"/>' % (WIDTH, height),
        '<text x="%d" y="24" class="h">%s</text>' % (LEFT, html.escape(title)),
    ]
    parts += legend(runs)
    for index, (name, value) in enumerate(PANELS):
        highest = max(value(row, run.rows[0]) for run in runs for row in run.rows)
        panel = Panel(index, seconds, max(1.0, highest * 1.08))
        parts += panel.frame(name) + [panel.line(run, value) for run in runs]
    parts += time_axis(seconds, height) + ["</svg>"]
    return "\n".join(parts) + "\n"


def main():
    runs = [run for run in map(figures.read, sys.argv[3:]) if run.rows]
    if not runs:
        return "plot.py: there is nothing to draw"
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(picture(sys.argv[1], runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
