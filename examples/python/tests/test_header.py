# SPDX-License-Identifier: MIT
"""The binding against the installed header: functions, structs, numbers."""

from __future__ import annotations

import ctypes
import enum
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import acap
from acap import _errors, _library

_STRUCTS = {
    "acap_buffer": _library.BufferHeader,
    "acap_context_config": _library.ContextConfig,
    "acap_device_info": _library.DeviceRecord,
    "acap_event": _library.EventRecord,
    "acap_levels": _library.LevelsRecord,
    "acap_pool_config": _library.PoolConfigRecord,
    "acap_pool_stats": _library.PoolStatsRecord,
    "acap_reader_config": _library.ReaderConfigRecord,
    "acap_reader_stats": _library.ReaderStatsRecord,
    "acap_stream_config": _library.StreamConfigRecord,
    "acap_stream_info": _library.StreamInfoRecord,
    "acap_stream_stats": _library.StreamStatsRecord,
}
_ENUMERATIONS: dict[str, type[enum.IntEnum | enum.IntFlag]] = {
    "ACAP_BUFFER_": acap.BufferFlags,
    "ACAP_DEVICE_": acap.DeviceFlags,
    "ACAP_EVENT_": acap.EventType,
    "ACAP_FORMAT_": acap.Format,
    "ACAP_LEVEL_": acap.Level,
    "ACAP_ON_LOST_": acap.OnDeviceLost,
    "ACAP_OVERFLOW_": acap.Overflow,
    "ACAP_POOL_": acap.PoolFlags,
    "ACAP_STATE_": acap.StreamState,
    "ACAP_STREAM_": acap.StreamFlags,
}
#: Figures that Python says in another way, or has for itself.
_NOT_FIGURES = {"struct_size", "reserved"}
_PADS = {"reserved_32", "reserved_32a", "reserved_32b"}


@pytest.fixture(scope="module")
def include() -> Path:
    """Find the header that belongs to the library."""
    directory = os.environ.get("ACAP_INCLUDE_DIR")
    if directory is None:
        pytest.skip("ACAP_INCLUDE_DIR does not name the directory that has acap/acap.h")
    return Path(directory)


@pytest.fixture(scope="module")
def header(include: Path) -> str:
    text = (include / "acap" / "acap.h").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def _members(kind: type[ctypes.Structure]) -> list[str]:
    return [field[0] for field in kind._fields_]


def _numbers(header: str) -> dict[str, int]:
    found = re.findall(r"^#define (ACAP_\w+) \(?(-?\d+)u?\)?\s*$", header, flags=re.MULTILINE)
    return {name: int(number) for name, number in found}


def test_every_function_is_bound(header: str) -> None:
    declared = re.findall(r"ACAP_CALL\s+(acap_\w+)\(", header)
    assert len(declared) > 40
    assert sorted(_library.FUNCTIONS) == sorted(declared)


def test_every_struct_is_bound(header: str) -> None:
    declared = re.findall(r"typedef struct (acap_\w+) \{", header)
    assert sorted(declared) == sorted(_STRUCTS)


def test_structs_are_laid_out_as_in_c(include: Path, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    lines, expected = [], []
    for name, kind in _STRUCTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected.append(f"{name} {ctypes.sizeof(kind)}")
        for member in _members(kind):
            field = getattr(kind, member)
            lines.append(
                f'printf("{name}.{member} %zu %zu\\n", offsetof({name}, {member}), '
                f"sizeof((({name} *)0)->{member}));"
            )
            expected.append(f"{name}.{member} {field.offset} {field.size}")
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <acap/acap.h>\n#include <stdio.h>\nint main(void)\n{\n"
        + "\n".join(lines)
        + "\nreturn 0;\n}\n"
    )
    program = tmp_path / "layout"
    subprocess.run([compiler, f"-I{include}", str(source), "-o", str(program)], check=True)
    printed = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    assert printed.splitlines() == expected


@pytest.mark.parametrize("prefix", sorted(_ENUMERATIONS))
def test_numbers_are_those_of_the_header(header: str, prefix: str) -> None:
    declared = {
        name.removeprefix(prefix): number
        for name, number in _numbers(header).items()
        if name.startswith(prefix)
    }
    members = {member.name: member.value for member in _ENUMERATIONS[prefix]}
    assert members == declared


def test_each_result_has_its_exception(header: str) -> None:
    results = {
        number: name
        for name, number in _numbers(header).items()
        if name.startswith("ACAP_ERROR_")
        or name in {"ACAP_TIMED_OUT", "ACAP_END", "ACAP_INTERRUPTED"}
    }
    assert sorted(_errors._KINDS) == sorted(results)
    for number, kind in _errors._KINDS.items():
        error = kind()
        assert (error.result, error.name) == (number, results[number])


@pytest.mark.parametrize(
    ("struct", "figures"),
    [
        ("acap_stream_stats", acap.StreamStats),
        ("acap_reader_stats", acap.ReaderStats),
        ("acap_pool_stats", acap.PoolStats),
        ("acap_stream_info", acap.StreamInfo),
        ("acap_event", acap.Event),
        ("acap_device_info", acap.DeviceInfo),
        ("acap_levels", acap.Levels),
        ("acap_stream_config", acap.StreamConfig),
        ("acap_reader_config", acap.ReaderConfig),
    ],
)
def test_every_member_can_be_reached(struct: str, figures: type) -> None:
    members = set(_members(_STRUCTS[struct])) - _PADS
    if struct == "acap_levels":
        members.discard("channel_count")  # the length of the tuples
    if struct == "acap_stream_config":
        members = members - {"flags"} | {"planar", "lock_memory"}
    if struct == "acap_reader_config":
        members.discard("flags")  # always 0
    assert set(figures.__dataclass_fields__) == members - _NOT_FIGURES  # type: ignore[attr-defined]


def test_every_buffer_member_can_be_reached() -> None:
    members = set(_members(_library.BufferHeader)) - _NOT_FIGURES - _PADS
    members = members - {"data"} | {"data_address"}
    for member in members:
        assert isinstance(getattr(acap.Buffer, member), property), member


def test_version() -> None:
    major, minor, patch = map(int, acap.version_string().split("."))
    assert acap.version() == major << 16 | minor << 8 | patch
    assert (major, minor) == (0, 1)
