# SPDX-License-Identifier: MIT
"""The programs, as people run them, and the README's examples."""

from __future__ import annotations

import doctest
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from support import FRAMES, LONG, expected_counter

import acap
from acap._take import Take
from acap._wav import WavWriter
from acap.list_devices import print_table

_README = Path(__file__).parent.parent / "README.md"


def _run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"acap.{module}", *arguments],
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        env={**os.environ, **environment},
    )


def _chunks(path: Path) -> tuple[bytes, dict[str, bytes]]:
    """Read a WAV file."""
    octets = path.read_bytes()
    head, riff_bytes, kind = struct.unpack_from("<4sI4s", octets)
    assert kind == b"WAVE"
    assert riff_bytes in {len(octets) - 8, 2**32 - 1}
    chunks, at = {}, 12
    while at < len(octets):
        name, size = struct.unpack_from("<4sI", octets, at)
        chunks[name.decode()] = octets[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(octets)
    return head, chunks


def _samples(path: Path, sample_format: acap.Format, channel_count: int) -> np.ndarray:
    data = _chunks(path)[1]["data"]
    kinds = {1: "<i2", 2: "u1", 3: "<i4", 4: "<f4", 5: "u1"}
    shape = (-1, channel_count, 3) if sample_format is acap.Format.S24 else (-1, channel_count)
    return np.frombuffer(data, kinds[sample_format]).reshape(shape)


def _ledger(text: str) -> dict[str, int]:
    """Read record's last line."""
    found = re.search(
        r"captured (?P<captured>\d+) = recorded (?P<recorded>\d+) \+ left out (?P<left>\d+); "
        r"lost (?P<lost>\d+) \(host (?P<host>\d+), pool (?P<pool>\d+), queue (?P<queue>\d+)\); "
        r"silence written (?P<silent>\d+)",
        text,
    )
    assert found is not None, text
    figures = {name: int(number) for name, number in found.groupdict().items()}
    assert figures["captured"] == figures["recorded"] + figures["left"]
    assert figures["lost"] == figures["host"] + figures["pool"] + figures["queue"]
    return figures


# ---- list_devices ----


def test_list_devices() -> None:
    table = _run("list_devices", ACAP_BACKEND="sim")
    assert (table.returncode, table.stderr) == (0, "")
    lines = table.stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "HOST", "API", "CHANNELS", "RATE", "FLAGS"]
    assert sum(line.startswith("* sim:") for line in lines) == 1
    listed = json.loads(_run("list_devices", "--json", ACAP_BACKEND="sim").stdout)
    assert len(listed) == len(lines) - 1
    assert {"id", "name", "host_api", "max_channel_count", "default"} <= set(listed[0])


def test_a_device_cannot_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    rogue = acap.DeviceInfo("id\x1b[2J", "n\nm", "h\x7f", 1, 48_000, 0, 0, acap.DeviceFlags.STALE)
    print_table([rogue])
    assert "id?[2J" in capsys.readouterr().out


# ---- record ----


@pytest.mark.parametrize("sample_format", list(acap.Format))
def test_record(tmp_path: Path, sample_format: acap.Format) -> None:
    path = tmp_path / "out.wav"
    name = sample_format.name.lower()
    arguments = ["-d", "sim:counter", "-r", "44100", "-c", "3", "-f", name, "-t", "0.25"]
    done = _run("record", *arguments, str(path))
    assert done.returncode == 0, done.stderr
    samples = _samples(path, sample_format, 3)
    frames = round(0.25 * 44_100)
    np.testing.assert_array_equal(samples, expected_counter(0, frames, 3, sample_format))
    figures = _ledger(done.stderr)
    assert (figures["recorded"], figures["lost"], figures["silent"]) == (frames, 0, 0)
    tag, channels, rate_hz = struct.unpack_from("<HHI", _chunks(path)[1]["fmt "])
    assert (tag, channels, rate_hz) == (0xFFFE, 3, 44_100)
    assert f"0.250 s, {frames} frames of 3 channels {name} at 44100 Hz" in done.stderr


def test_a_recording_opens_in_the_standard_library(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    assert _run("record", "-d", "sim:sine", "-c", "2", "-t", "0.1", str(path)).returncode == 0
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (2, 2, 48_000, 4800)


def test_lost_frames_become_silence(stream: acap.Stream, tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    reader = stream.open_reader(acap.ReaderConfig(queue_buffers=4, overflow=acap.Overflow(1)))
    with WavWriter(path, acap.Format.F32, 48_000, 2) as out:
        take = Take(out, reader.stats.start_position, 26 * FRAMES + 17)
        for count in (4, 10, 1, 7, 5):  # what the queue does not hold is lost
            stream.sim_advance(count * FRAMES)
            for buffer in iter(reader.try_borrow, None):
                with buffer:
                    take.add(buffer)
        assert not take.is_full
        take.skip_to(reader.stats.end_position)
        assert take.is_full
    samples = _samples(path, acap.Format.F32, 2)
    expected = expected_counter(0, 26 * FRAMES + 17, 2, acap.Format.F32).copy()
    for first, end in ((8, 14), (19, 22), (26, 27)):
        expected[first * FRAMES : end * FRAMES] = 0
    np.testing.assert_array_equal(samples, expected)
    assert take.frames_silent == (6 + 3) * FRAMES + 17
    assert take.frames_captured == 17 * FRAMES


def test_a_device_that_is_too_fast(tmp_path: Path) -> None:
    """The file keeps time all the same, frame by frame."""
    path = tmp_path / "out.wav"
    done = _run("record", "-d", "sim:counter?pace=fast", "-f", "s32", "-t", "60", str(path))
    assert done.returncode == 0, done.stderr
    samples = _samples(path, acap.Format.S32, 2)
    assert len(samples) == 60 * 48_000
    expected = expected_counter(0, len(samples), 2, acap.Format.S32)
    is_silent = (samples == 0).all(axis=1)
    np.testing.assert_array_equal(samples[~is_silent], expected[~is_silent])
    figures = _ledger(done.stderr)
    assert figures["recorded"] + figures["silent"] == len(samples)
    assert figures["silent"] == is_silent.sum()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_file_properly(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "out.wav"
    with subprocess.Popen(
        [sys.executable, "-m", "acap.record", "-d", "sim:counter", str(path)],
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            limit = time.monotonic() + LONG
            while not path.exists() or path.stat().st_size < 100_000:  # several wake-ups
                assert time.monotonic() < limit
                assert child.poll() is None
                time.sleep(0.01)
            os.kill(child.pid, number)
            _, errors = child.communicate(timeout=LONG)
        finally:
            child.kill()
    assert child.returncode == 0, errors
    samples = _samples(path, acap.Format.S16, 2)
    figures = _ledger(errors)
    assert figures["recorded"] == len(samples) == figures["captured"] > 0
    expected = expected_counter(0, len(samples), 2, acap.Format.S16)
    np.testing.assert_array_equal(samples, expected)


def test_record_fails_with_a_reason(tmp_path: Path) -> None:
    out = str(tmp_path / "out.wav")
    for arguments, status, words in (
        (["-d", "no such device", out], 1, "no such device"),
        (["-d", "sim:sine?fail=start", "-t", "1", out], 1, "ACAP_ERROR"),
        (["-d", "sim:sine", "-t", "0.1", str(tmp_path / "no" / "out.wav")], 1, "No such file"),
        (["-d", "sim:sine", "-t", "0.5", "/dev/full"], 1, "No space left"),
        (["-d", "sim:sine", "-t", "never", out], 2, "no time"),
        (["-d", "sim:sine", "-f", "s20", out], 2, "no format"),
        (["-d", "sim:sine", "-c", "0", out], 2, "no positive number"),
        ([], 2, "required"),
    ):
        done = _run("record", *arguments, ACAP_BACKEND="sim")
        assert done.returncode == status, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr


# ---- fan_out ----


def test_fan_out(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    done = _run("fan_out", "-d", "sim:counter", "-t", "0.5", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    samples = _samples(path, acap.Format.S16, 2)
    np.testing.assert_array_equal(samples, expected_counter(0, 24_000, 2, acap.Format.S16))
    crc32 = zlib.crc32(samples.tobytes())
    assert f"checksum: crc32 {crc32:08x} of 24000 frames" in done.stdout
    assert "meter: channel 1 peak -2.7 dB" in done.stdout
    ledgers = re.findall(
        r"ledger of (\w+): from (\d+) \+ delivered (\d+) \+ lost (\d+) "
        r"\(stream (\d+), queue (\d+)\) \+ queued (\d+) = (\d+)",
        done.stdout,
    )
    assert [ledger[0] for ledger in ledgers] == ["file", "meter", "checksum"]
    for _, *figures in ledgers:
        start, delivered, lost, stream, queue, queued, end = map(int, figures)
        assert start + delivered + lost + queued == end
        assert lost == stream + queue == 0


def test_fan_out_fails_with_a_reason(tmp_path: Path) -> None:
    done = _run("fan_out", "-d", "sim:sine?fail=start", str(tmp_path / "out.wav"))
    assert done.returncode == 1
    assert "ACAP_ERROR" in done.stderr
    done = _run("fan_out", "-d", "sim:sine", "-t", "1", "/dev/full")
    assert done.returncode == 1
    assert "No space left" in done.stderr


# ---- files ----


def test_a_file_beyond_4_gb_is_rf64(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    with WavWriter(path, acap.Format.S16, 48_000, 2) as out:
        out.write(memoryview(bytes(400)))
        out.frames_written += 2**31
    head, chunks = _chunks_of_head(path)
    assert head == b"RF64"
    riff_bytes, data_bytes, frames, _ = struct.unpack("<QQQI", chunks["ds64"])
    assert data_bytes == frames * 4 == 2**33 + 400
    assert riff_bytes == data_bytes + 4 + 36 + 24 + 8
    assert chunks["data"] == b"\xff\xff\xff\xff"


def _chunks_of_head(path: Path) -> tuple[bytes, dict[str, bytes]]:
    octets = path.read_bytes()
    data = octets.index(b"data")
    chunks, at = {"data": octets[data + 4 : data + 8]}, 12
    while at < data:
        name, size = struct.unpack_from("<4sI", octets, at)
        chunks[name.decode()] = octets[at + 8 : at + 8 + size]
        at += 8 + size
    return octets[:4], chunks


def test_a_file_of_odd_length(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    with WavWriter(path, acap.Format.U8, 8000, 1) as out:
        out.write_silence(3)
    assert _chunks(path)[1]["data"] == b"\x80\x80\x80"


def test_a_file_that_is_never_closed_plays(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    out = WavWriter(path, acap.Format.F32, 8000, 1)
    for _ in range(20):
        out.write(memoryview(bytes(4 * 1000)))
    head = _chunks_of_head(path)[1]
    assert struct.unpack("<I", head["data"]) == (16_000 * 4,)
    assert struct.unpack("<I", head["fact"]) == (16_000,)
    out.close()


# ---- documentation ----


def test_the_docstrings_examples() -> None:
    results = doctest.testmod(acap)
    assert results.attempted > 0
    assert results.failed == 0


def _readme_examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(len(_readme_examples())))
def test_the_readmes_examples(number: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _readme_examples()[number]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        env={**os.environ, "ACAP_BACKEND": "sim"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
