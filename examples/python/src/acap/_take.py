# SPDX-License-Identifier: MIT
"""The way from a reader's buffers to a file that keeps time.

Lost frames become silence, and the length is exact to the frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Buffer
    from ._wav import WavWriter


class Take:
    """One recording: ``frames_captured + frames_silent == out.frames_written``.

    Parameters
    ----------
    out
        The file.
    start_position
        The stream's position of the first frame.
    frame_limit
        How long the file may become; None: any length.
    """

    def __init__(self, out: WavWriter, start_position: int, frame_limit: int | None) -> None:
        self._out = out
        self._next_position = start_position
        self._frame_limit = frame_limit
        self.frames_captured = 0
        self.frames_silent = 0

    @property
    def is_full(self) -> bool:
        """Whether the file is long enough."""
        return self._frame_limit is not None and self._out.frames_written >= self._frame_limit

    def add(self, buffer: Buffer) -> None:
        """Write a buffer, and before it the silence for what was lost since the one before."""
        self.skip_to(buffer.position)
        count = self._clip(buffer.frame_count)
        with memoryview(buffer) as frames, frames.cast("B") as octets:
            self._out.write(octets[: count * self._out.frame_bytes])
        self.frames_captured += count
        self._next_position = buffer.position + buffer.frame_count

    def skip_to(self, position: int) -> None:
        """Write silence up to a position: frames between were lost, by whatever cause."""
        count = self._clip(position - self._next_position)
        self._out.write_silence(count)
        self.frames_silent += count
        self._next_position = position

    def _clip(self, frame_count: int) -> int:
        if self._frame_limit is None:
            return frame_count
        return min(frame_count, self._frame_limit - self._out.frames_written)
