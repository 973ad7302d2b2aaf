# SPDX-License-Identifier: MIT
"""Results of the C library as exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from . import _library

if TYPE_CHECKING:
    from ._handle import Handle


class AcapError(Exception):
    """A result of the C library that is not success.

    Parameters
    ----------
    result
        The number, such as -4.
    text
        What happened; without it the library's sentence for the number.

    Attributes
    ----------
    result : int
        The number.
    name : str
        Its name, such as ``"ACAP_ERROR_NO_DEVICE"``.
    text : str
        What happened in words, with the host's own code and text where there is one.
    """

    #: The result of this kind of error; a kind of its own for each.
    RESULT: int = 0
    #: What happened where nobody says more; "": the library's sentence.
    TEXT: str = ""

    def __init__(self, result: int | None = None, text: str | None = None) -> None:
        self.result = self.RESULT if result is None else result
        self.name: str = _library.result_name(self.result).decode()
        self.text: str = text or self.TEXT or _library.result_text(self.result).decode()
        super().__init__(self.result, self.text)

    def __str__(self) -> str:
        return f"{self.text} ({self.name})"


class NoBufferError(AcapError):
    """Nothing went wrong, but there is no buffer (or event)."""


class TimedOut(NoBufferError):  # noqa: N818  (the C name; nothing is wrong)
    """Nothing came within the timeout."""

    RESULT = 1


class End(NoBufferError):  # noqa: N818
    """Ended, and all that was queued has been borrowed."""

    RESULT = 2


class Interrupted(NoBufferError):  # noqa: N818
    """Somebody called ``interrupt()``."""

    RESULT = 3


class InvalidArgumentError(AcapError, ValueError):
    """An argument that no device could satisfy."""

    RESULT = -1


class NoMemoryError(AcapError, MemoryError):
    """No memory."""

    RESULT = -2


class InvalidStateError(AcapError):
    """Not now: closed, ended, or in use by another thread."""

    RESULT = -3


class ReleasedError(InvalidStateError, ValueError):
    """The buffer was released already."""

    TEXT = "the buffer was released already"


class NoDeviceError(AcapError):
    """No such device, or none at all."""

    RESULT = -4


class DeviceBusyError(AcapError):
    """Another program has the device."""

    RESULT = -5


class DeviceLostError(AcapError):
    """The device went away."""

    RESULT = -6


class UnsupportedFormatError(AcapError):
    """A rate, number of channels or format that the device cannot give."""

    RESULT = -7


class PoolExhaustedError(AcapError):
    """No free buffer."""

    RESULT = -8


class LimitError(AcapError):
    """Too many readers, buffers or bytes."""

    RESULT = -9


class BackendError(AcapError):
    """The host failed in another way."""

    RESULT = -10


class AbiMismatchError(AcapError):
    """The library and this binding do not fit."""

    RESULT = -11


class ForkedError(AcapError):
    """The process is a fork of the one that used acap."""

    RESULT = -12


class HostStuckError(AcapError):
    """The host did not answer within the deadline."""

    RESULT = -13


class AccessError(AcapError):
    """The system refused access (ACAP_ERROR_PERMISSION)."""

    RESULT = -14


_KINDS: dict[int, type[AcapError]] = {
    kind.RESULT: kind
    for kind in (
        TimedOut,
        End,
        Interrupted,
        InvalidArgumentError,
        NoMemoryError,
        InvalidStateError,
        NoDeviceError,
        DeviceBusyError,
        DeviceLostError,
        UnsupportedFormatError,
        PoolExhaustedError,
        LimitError,
        BackendError,
        AbiMismatchError,
        ForkedError,
        HostStuckError,
        AccessError,
    )
}


def fail(result: int, handle: Handle | None = None) -> NoReturn:
    """Raise the exception for a result that is not ACAP_OK.

    Parameters
    ----------
    result
        What the function returned.
    handle
        What it was called with: a closed one explains a refused NULL.
    """
    if handle is not None and handle.is_closed and result == _library.ERROR_INVALID_ARGUMENT:
        raise InvalidStateError(text="this object was closed")
    # The library notes a text for its own failures; not for what happens in a signal handler.
    has_text = result < 0 and result != ForkedError.RESULT
    text = _library.last_error().decode(errors="replace") if has_text else ""
    raise _KINDS.get(result, AcapError)(result, text)


def check(result: int) -> None:
    """Raise unless the result is ACAP_OK."""
    if result != _library.OK:
        fail(result)
