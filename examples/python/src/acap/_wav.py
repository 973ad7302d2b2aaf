# SPDX-License-Identifier: MIT
"""WAV files of any acap format; beyond 4 GB they become RF64."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING

from . import Format, format_bytes

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

_PCM, _IEEE_FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
#: What follows the tag in the subformat of an extensible file.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_MAX_32 = 2**32 - 1
_SILENCE_FRAMES = 4096


class WavWriter:
    """A WAV file that is being written.

    Its header is right after every second of sound, so that a file that is never closed, because
    the power fails, plays but for its last second.

    Parameters
    ----------
    path
        The file, made anew.
    sample_format, sample_rate_hz, channel_count
        What it holds.
    """

    def __init__(
        self, path: Path, sample_format: Format, sample_rate_hz: int, channel_count: int
    ) -> None:
        if sys.byteorder != "little":
            raise OSError("WAV files are little endian, and this machine is not")
        self._format = sample_format
        self._rate_hz = sample_rate_hz
        self._channels = channel_count
        self.frame_bytes = format_bytes(sample_format) * channel_count
        self.frames_written = 0
        self._next_header_frame = sample_rate_hz
        self._file = path.open("wb")
        try:
            self._file.write(self._header())
        except OSError:
            self._file.close()
            raise

    def write(self, frames: memoryview) -> None:
        """Write interleaved frames, straight from where they are."""
        self._file.write(frames)
        self.frames_written += frames.nbytes // self.frame_bytes
        if self.frames_written >= self._next_header_frame:
            self._update_header()
            self._next_header_frame = self.frames_written + self._rate_hz

    def write_silence(self, frame_count: int) -> None:
        """Write digital silence."""
        silence = b"\x80" if self._format == Format.U8 else b"\0"
        block = memoryview(silence * (min(frame_count, _SILENCE_FRAMES) * self.frame_bytes))
        while frame_count > 0:
            count = min(frame_count, _SILENCE_FRAMES)
            self.write(block[: count * self.frame_bytes])
            frame_count -= count

    def close(self) -> None:
        """Complete the file."""
        if self._file.closed:
            return
        try:
            if self.frames_written * self.frame_bytes % 2:
                self._file.write(b"\0")  # chunks have an even length
            self._update_header()
        finally:
            self._file.close()

    def _update_header(self) -> None:
        end = self._file.tell()
        self._file.seek(0)
        self._file.write(self._header())
        self._file.seek(end)
        self._file.flush()

    def _header(self) -> bytes:
        data_bytes = self.frames_written * self.frame_bytes
        chunks = _chunk(b"fmt ", self._format_chunk())
        if self._format == Format.F32:
            chunks += _chunk(b"fact", struct.pack("<I", min(self.frames_written, _MAX_32)))
        # "WAVE", the room for ds64, the chunks, the head of "data", and an even number of bytes
        riff_bytes = 4 + 36 + len(chunks) + 8 + data_bytes + data_bytes % 2
        if riff_bytes <= _MAX_32:
            head = struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE") + _chunk(b"JUNK", bytes(28))
        else:
            sizes = struct.pack("<QQQI", riff_bytes, data_bytes, self.frames_written, 0)
            head = struct.pack("<4sI4s", b"RF64", _MAX_32, b"WAVE") + _chunk(b"ds64", sizes)
        size = data_bytes if riff_bytes <= _MAX_32 else _MAX_32
        return head + chunks + struct.pack("<4sI", b"data", size)

    def _format_chunk(self) -> bytes:
        tag = _IEEE_FLOAT if self._format == Format.F32 else _PCM
        bits = 8 * format_bytes(self._format)
        is_extensible = self._channels > 2
        chunk = struct.pack(
            "<HHIIHH",
            _EXTENSIBLE if is_extensible else tag,
            self._channels,
            self._rate_hz,
            self._rate_hz * self.frame_bytes,
            self.frame_bytes,
            bits,
        )
        if is_extensible:
            return chunk + struct.pack("<HHIH", 22, bits, 0, tag) + _GUID_TAIL
        return chunk + (struct.pack("<H", 0) if tag == _IEEE_FLOAT else b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content
