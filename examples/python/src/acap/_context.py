# SPDX-License-Identifier: MIT
"""Contexts: where devices are listed and streams are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _library
from ._errors import InvalidStateError, TimedOut, check, fail
from ._handle import Handle, OwnedContext, OwnedDeviceList
from ._stream import Stream, make_record
from ._types import (
    DeviceFlags,
    DeviceInfo,
    Event,
    EventType,
    Level,
    StreamConfig,
)
from ._wait import WaitHandle, deadline_after

if TYPE_CHECKING:
    from typing import Self


def _as_config(config: StreamConfig | str | None) -> StreamConfig:
    return config if isinstance(config, StreamConfig) else StreamConfig(config)


def _copy_device(device: _library.DeviceRecord) -> DeviceInfo:
    return DeviceInfo(
        _library.to_text(device.id),
        _library.to_text(device.name),
        _library.to_text(device.host_api),
        device.max_channel_count,
        device.default_sample_rate_hz,
        device.low_latency_ns,
        device.high_latency_ns,
        DeviceFlags(device.flags),
    )


class Context:
    """A set of streams with one default back end.

    Parameters
    ----------
    backend
        "portaudio", "sim" or "push": what None and plain device names mean; None: the environment's
        ACAP_BACKEND, else "portaudio".
    """

    def __init__(self, backend: str | None = None) -> None:
        config = _library.filled(
            _library.ContextConfig, backend=_library.from_text("backend", backend)
        )
        out = OwnedContext()
        check(_library.context_create(config, out))
        self._handle = Handle(out)
        self._wait = WaitHandle(self._handle, _library.context_get_wait_handle)

    # ---- devices ----

    def devices(self) -> list[DeviceInfo]:
        """List the capture devices, asked afresh of the host where it can."""
        out = OwnedDeviceList()
        check(_library.device_list_create(self._handle.open_cell, out))
        try:
            return [
                _copy_device(_library.device_list_get(out, index).contents)
                for index in range(_library.device_list_count(out))
            ]
        finally:
            out.close()

    def open_stream(self, config: StreamConfig | str | None = None) -> Stream:
        """Open a device. It captures nothing before `Stream.start`.

        Parameters
        ----------
        config
            A device, or all that can be said; None: the default input.
        """
        return Stream(self, _as_config(config))

    def check_supported(self, config: StreamConfig | str | None = None) -> None:
        """Raise what `open_stream` would raise, in so far as it can be known without opening."""
        record = make_record(_as_config(config))
        check(_library.device_supports(self._handle.open_cell, record))

    # ---- events ----

    def try_next_event(self) -> Event | None:
        """Take the oldest event if there is one, without waiting.

        Raises
        ------
        Interrupted
        """
        record = _library.blank(_library.EventRecord)
        result = _library.context_next_event(self._handle.open_cell, 0, record)
        if result == _library.TIMED_OUT:
            return None
        if result != _library.OK:
            fail(result)
        return Event(
            EventType(record.type),
            Level(record.level),
            record.stream_id,
            record.position,
            record.frames,
            record.events_lost,
            record.time_ns,
            record.text.decode(errors="replace"),
        )

    def next_event(self, timeout: float | None = None) -> Event:
        """Take the oldest event; at most 256 wait.

        Parameters
        ----------
        timeout
            Seconds; 0 returns at once, None waits for as long as it takes. Ctrl-C ends the wait.

        Raises
        ------
        TimedOut, Interrupted
        """
        deadline = deadline_after(timeout)
        is_in_time = timeout != 0
        while (event := self.try_next_event()) is None:
            if not is_in_time:
                raise TimedOut
            is_in_time = self._wait.sleep(deadline)
        return event

    async def next_event_async(self) -> Event:
        """Take the oldest event; other tasks run meanwhile."""
        while (event := self.try_next_event()) is None:
            await self._wait.sleep_async()
        return event

    def interrupt(self) -> None:
        """Make the current or the next `next_event` raise `Interrupted`, once."""
        check(_library.context_interrupt(self._handle.open_cell))

    def fileno(self) -> int:
        """Give the wait handle of the events, for ``select`` and event loops."""
        return self._wait.fileno()

    # ---- the end ----

    def close(self) -> None:
        """Destroy it and end its streams; their objects stay valid. Never waits for the host."""
        if not self._handle.is_closed:
            _library.context_interrupt(self._handle.cell)
        self._handle.close()

    def __enter__(self) -> Self:
        if self._handle.is_closed:
            raise InvalidStateError(text="this object was closed")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
