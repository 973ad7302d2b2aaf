# SPDX-License-Identifier: MIT
"""List the capture devices: ``python -m acap.list_devices``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from . import AcapError, Context, DeviceFlags, DeviceInfo, _cli

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "acap-py-devices"


def _printable(text: str) -> str:
    """Replace what could harm a terminal: a device chooses its own name."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _flag_words(flags: DeviceFlags) -> str:
    shown = (DeviceFlags.LOOPBACK, DeviceFlags.STALE)
    return ", ".join(flag.name.lower() for flag in shown if flag in flags and flag.name)


def print_table(devices: Sequence[DeviceInfo]) -> None:
    """Print a table for people; * marks the default device."""
    head = ("ID", "NAME", "HOST API")
    rows = [tuple(map(_printable, (one.id, one.name, one.host_api))) for one in devices]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def cells(row: Sequence[str]) -> str:
        return "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))

    print(f"  {cells(head)}  CHANNELS    RATE  FLAGS")
    for one, row in zip(devices, rows, strict=True):
        mark = "*" if DeviceFlags.DEFAULT in one.flags else " "
        figures = f"{one.max_channel_count:8}  {one.default_sample_rate_hz:6}"
        print(f"{mark} {cells(row)}  {figures}  {_flag_words(one.flags)}".rstrip())


def print_json(devices: Sequence[DeviceInfo]) -> None:
    """Print JSON for programs."""
    rows = []
    for one in devices:
        row = asdict(one)
        flags = row.pop("flags")
        row.update((flag.name.lower(), flag in flags) for flag in DeviceFlags if flag.name)
        rows.append(row)
    print(json.dumps(rows, indent=2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    parser = _cli.make_parser(PROGRAM, "Lists the devices that can be captured from.")
    parser.add_argument("-j", "--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        with Context() as context:
            devices = context.devices()
    except AcapError as error:
        return _cli.fail(PROGRAM, f"the devices cannot be listed: {error}")
    if options.json:
        print_json(devices)
    elif devices:
        print_table(devices)
    else:
        print("No capture device was found; simulated ones, such as sim:sine, always open.")
    return _cli.OK


if __name__ == "__main__":
    sys.exit(main())
