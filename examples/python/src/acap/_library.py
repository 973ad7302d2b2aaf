# SPDX-License-Identifier: MIT
"""The C library: finding it, its structs, its functions.

Functions that never wait are bound so that they keep the interpreter lock (``ctypes.PyDLL``): that
is cheaper, and no other thread of Python can close the object meanwhile. Functions that may wait
for the sound system or for a lock give the interpreter lock up (``ctypes.CDLL``); ``_handle``
knows whether somebody is inside. Nothing here waits for audio: ``_wait`` does.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import c_char, c_double, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, ClassVar, TypeVar

OK = 0
TIMED_OUT = 1
END = 2
INTERRUPTED = 3
ERROR_INVALID_ARGUMENT = -1
ERROR_INVALID_STATE = -3

_HAS_HOLES = ctypes.sizeof(c_void_p) == 4
_Field = tuple[str, Any]


def _pad(name: str) -> list[_Field]:
    """Give the members that the header's ACAP_PAD32 stands for."""
    return [(name, c_uint32)] if _HAS_HOLES else []


def _members(kind: Any, *names: str) -> list[_Field]:
    return [(name, kind) for name in names]


# ---- structs, member for member as in acap.h ----


class ContextConfig(ctypes.Structure):
    """acap_context_config."""

    _fields_: ClassVar = [*_members(c_uint32, "struct_size", "flags"), ("backend", ctypes.c_char_p)]


class EventRecord(ctypes.Structure):
    """acap_event."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "type", "level", "reserved"),
        *_members(c_uint64, "stream_id", "position", "frames", "events_lost"),
        ("time_ns", c_int64),
        ("text", c_char * 256),
    ]


class DeviceRecord(ctypes.Structure):
    """acap_device_info."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "flags"),
        *_members(ctypes.c_char_p, "id", "name", "host_api"),
        *_members(c_uint32, "max_channel_count", "default_sample_rate_hz"),
        *_pad("reserved_32"),
        *_members(c_int64, "low_latency_ns", "high_latency_ns"),
    ]


class BufferHeader(ctypes.Structure):
    """acap_buffer."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "flags"),
        ("data", c_void_p),
        *_pad("reserved_32"),
        ("position", c_uint64),
        *_members(c_int64, "time_ns", "time_error_ns"),
        ("lost_before", c_uint64),
        *_members(c_uint32, "frame_count", "size_bytes", "sample_rate_hz", "channel_count"),
        *_members(c_uint32, "format", "plane_stride_bytes"),
    ]


class LevelsRecord(ctypes.Structure):
    """acap_levels."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "channel_count"),
        *_members(ctypes.POINTER(ctypes.c_float), "peak", "rms"),
        *_members(c_uint64, "clipped", "zeros"),
    ]


class PoolConfigRecord(ctypes.Structure):
    """acap_pool_config."""

    _fields_: ClassVar = _members(
        c_uint32, "struct_size", "flags", "buffer_size_bytes", "buffers_min", "buffers_max"
    )


class PoolStatsRecord(ctypes.Structure):
    """acap_pool_stats."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "capacity", "free_buffers", "in_use", "in_use_peak"),
        *_members(c_uint32, "buffers_min", "buffers_max", "grown"),
        *_members(c_uint64, "acquired", "recycled", "exhausted", "released", "rejected_releases"),
        ("memory_bytes", c_uint64),
        ("oldest_held_ns", c_int64),
        ("hit_rate", c_double),
    ]


class StreamConfigRecord(ctypes.Structure):
    """acap_stream_config."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "flags"),
        ("device", ctypes.c_char_p),
        *_pad("reserved_32a"),
        *_members(c_uint32, "sample_rate_hz", "channel_count", "format", "frames_per_buffer"),
        *_members(c_uint32, "pool_buffers_min", "pool_buffers_max"),
        ("latency_ns", c_int64),
        ("pool", c_void_p),
        *_members(c_uint32, "on_device_lost", "reserved"),
        *_pad("reserved_32b"),
        ("history_ns", c_int64),
    ]


class StreamInfoRecord(ctypes.Structure):
    """acap_stream_info."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "sample_rate_hz", "channel_count", "format"),
        *_members(c_uint32, "frames_per_buffer", "flags"),
        ("latency_ns", c_int64),
        ("stream_id", c_uint64),
        ("device_id", c_char * 256),
        ("backend", c_char * 32),
    ]


class StreamStatsRecord(ctypes.Structure):
    """acap_stream_stats."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "state", "realtime", "reserved"),
        *_members(c_uint64, "position", "frames_captured", "frames_lost", "lost_pool", "lost_host"),
        *_members(c_uint64, "frames_pending", "callbacks", "host_overflows", "buffers_filled"),
        *_members(c_uint64, "recoveries", "callback_ns_max", "callback_ns_total"),
        ("measured_rate_hz", c_double),
    ]


class ReaderConfigRecord(ctypes.Structure):
    """acap_reader_config."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "flags", "queue_buffers", "overflow", "wake_buffers"),
        ("hold_buffers", c_uint32),
        ("preroll_ns", c_int64),
        ("name", ctypes.c_char_p),
        *_pad("reserved_32"),
    ]


class ReaderStatsRecord(ctypes.Structure):
    """acap_reader_stats."""

    _fields_: ClassVar = [
        *_members(c_uint32, "struct_size", "queued_buffers", "queued_buffers_peak", "reserved"),
        *_members(c_uint64, "start_position", "end_position", "buffers_delivered"),
        *_members(c_uint64, "frames_delivered", "frames_queued"),
        *_members(c_uint64, "frames_lost", "lost_stream", "lost_queue"),
        *_members(c_int64, "latency_ns_p50", "latency_ns_p99", "latency_ns_max"),
    ]


_S = TypeVar("_S", bound=ctypes.Structure)


def blank(kind: type[_S]) -> _S:
    """Make a result struct for the library to fill."""
    record = kind()
    record.struct_size = ctypes.sizeof(kind)
    return record


def filled(kind: type[_S], **members: Any) -> _S:
    """Make a parameter struct; a number that its member cannot hold is an OverflowError.

    ctypes itself would cut such a number to size without a word.
    """
    record = blank(kind)
    for name, value in members.items():
        setattr(record, name, value)
        if isinstance(value, int) and getattr(record, name) != value:
            raise OverflowError(f"{name} cannot be {int(value)}")
    return record


def fit(name: str, value: int, bits: int) -> int:
    """Return value if it fits into an unsigned integer of so many bits, else OverflowError."""
    if not 0 <= value < 1 << bits:
        raise OverflowError(f"{name} cannot be {value}")
    return value


def from_text(name: str, text: str | None) -> bytes | None:
    """Encode a text; what `to_text` could not decode comes back as it was.

    Raises
    ------
    TypeError, ValueError
        It is no text; C would take a part of it only.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a str, not {type(text).__name__}")
    if "\0" in text:
        raise ValueError(f"{name} has a NUL in it: {text!r}")
    return text.encode("utf-8", "surrogateescape")


def to_text(text: bytes) -> str:
    """Decode a name."""
    return text.decode("utf-8", "surrogateescape")


# ---- functions ----


def _file_name() -> str:
    return "libacap.0.dylib" if sys.platform == "darwin" else "libacap.so.0"


def _load() -> tuple[ctypes.CDLL, ctypes.PyDLL]:
    if os.name != "posix" or sys.implementation.name != "cpython":
        raise ImportError("this binding of acap needs CPython on a POSIX system")
    name = os.environ.get("ACAP_LIBRARY") or _file_name()
    try:
        return ctypes.CDLL(name), ctypes.PyDLL(name)
    except OSError as error:
        raise ImportError(
            f"the acap library cannot be loaded ({error}); install it, or name the directory that "
            f"has {_file_name()} in LD_LIBRARY_PATH, or the file itself in ACAP_LIBRARY"
        ) from None


_waiting, _quick = _load()
_Result = ctypes.c_int32
_out = ctypes.POINTER(c_void_p)
#: Every function that is bound; the tests compare it with the header.
FUNCTIONS: list[str] = []


def _bind(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    function = library[name]
    function.restype = result
    function.argtypes = arguments
    FUNCTIONS.append(name)
    return function


def _to(kind: type[ctypes.Structure]) -> Any:
    return ctypes.POINTER(kind)


result_name = _bind(_quick, "acap_result_name", ctypes.c_char_p, _Result)
result_text = _bind(_quick, "acap_result_text", ctypes.c_char_p, _Result)
last_error = _bind(_quick, "acap_last_error", ctypes.c_char_p)
version = _bind(_quick, "acap_version", c_uint32)
version_string = _bind(_quick, "acap_version_string", ctypes.c_char_p)
clock_ns = _bind(_quick, "acap_clock_ns", c_int64)
format_bytes = _bind(_quick, "acap_format_bytes", c_uint32, c_uint32)

context_create = _bind(_waiting, "acap_context_create", _Result, _to(ContextConfig), _out)
context_destroy = _bind(_waiting, "acap_context_destroy", None, c_void_p)
context_next_event = _bind(
    _waiting, "acap_context_next_event", _Result, c_void_p, c_int64, _to(EventRecord)
)
context_interrupt = _bind(_waiting, "acap_context_interrupt", _Result, c_void_p)
context_get_wait_handle = _bind(
    _waiting, "acap_context_get_wait_handle", _Result, c_void_p, ctypes.POINTER(ctypes.c_ssize_t)
)

device_list_create = _bind(_waiting, "acap_device_list_create", _Result, c_void_p, _out)
device_list_count = _bind(_quick, "acap_device_list_count", c_size_t, c_void_p)
device_list_get = _bind(_quick, "acap_device_list_get", _to(DeviceRecord), c_void_p, c_size_t)
device_list_destroy = _bind(_waiting, "acap_device_list_destroy", None, c_void_p)
device_supports = _bind(
    _waiting, "acap_device_supports", _Result, c_void_p, _to(StreamConfigRecord)
)

buffer_retain = _bind(_quick, "acap_buffer_retain", c_void_p, c_void_p)
buffer_release = _bind(_quick, "acap_buffer_release", None, c_void_p)
buffer_reference_count = _bind(_quick, "acap_buffer_reference_count", c_uint32, c_void_p)
buffer_writable_data = _bind(_quick, "acap_buffer_writable_data", c_void_p, c_void_p)
buffer_measure = _bind(_waiting, "acap_buffer_measure", _Result, c_void_p, _to(LevelsRecord))

pool_create = _bind(_waiting, "acap_pool_create", _Result, _to(PoolConfigRecord), _out)
pool_retain = _bind(_quick, "acap_pool_retain", c_void_p, c_void_p)
pool_release = _bind(_waiting, "acap_pool_release", None, c_void_p)
pool_acquire = _bind(_quick, "acap_pool_acquire", _Result, c_void_p, _out)
pool_get_stats = _bind(_waiting, "acap_pool_get_stats", _Result, c_void_p, _to(PoolStatsRecord))

stream_open = _bind(_waiting, "acap_stream_open", _Result, c_void_p, _to(StreamConfigRecord), _out)
stream_start = _bind(_waiting, "acap_stream_start", _Result, c_void_p)
stream_stop = _bind(_waiting, "acap_stream_stop", _Result, c_void_p)
stream_close = _bind(_waiting, "acap_stream_close", None, c_void_p)
stream_get_info = _bind(_waiting, "acap_stream_get_info", _Result, c_void_p, _to(StreamInfoRecord))
stream_get_stats = _bind(_quick, "acap_stream_get_stats", _Result, c_void_p, _to(StreamStatsRecord))
stream_get_pool = _bind(_quick, "acap_stream_get_pool", c_void_p, c_void_p)
stream_push = _bind(_quick, "acap_stream_push", _Result, c_void_p, c_void_p, c_uint32, c_int64)
stream_sim_advance = _bind(_waiting, "acap_stream_sim_advance", _Result, c_void_p, c_uint64)

reader_open = _bind(_waiting, "acap_reader_open", _Result, c_void_p, _to(ReaderConfigRecord), _out)
reader_close = _bind(_waiting, "acap_reader_close", None, c_void_p)
reader_borrow = _bind(_quick, "acap_reader_borrow", _Result, c_void_p, c_int64, _out)
reader_interrupt = _bind(_quick, "acap_reader_interrupt", _Result, c_void_p)
reader_end = _bind(_quick, "acap_reader_end", _Result, c_void_p)
reader_get_wait_handle = _bind(
    _waiting, "acap_reader_get_wait_handle", _Result, c_void_p, ctypes.POINTER(ctypes.c_ssize_t)
)
reader_get_stats = _bind(_quick, "acap_reader_get_stats", _Result, c_void_p, _to(ReaderStatsRecord))
