"""What a worker reports of its own memory."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.process_stats import own_memory_bytes

SIZE = 64 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the two apart")
def test_a_mapped_file_is_not_the_process_s_own_memory(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    file.write_bytes(bytes(SIZE))
    before = own_memory_bytes()
    with file.open("r+b") as handle, mmap.mmap(handle.fileno(), SIZE) as mapped:
        touch(mapped)
        assert own_memory_bytes() - before < SIZE // 8
    # Not a bytearray: malloc may have room for it in memory that the process has already.
    with mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as own:
        touch(own)
        assert own_memory_bytes() - before > SIZE // 8 * 7


def touch(memory: mmap.mmap) -> None:
    """Bring every page into memory."""
    for offset in range(0, SIZE, mmap.PAGESIZE):
        memory[offset] = 1


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such number")
def test_the_peak_is_this_process_own_and_not_that_of_its_parent() -> None:
    large = """
import subprocess, sys
held = bytearray(300 << 20)
code = "from cluster.process_stats import peak_memory_bytes; print(peak_memory_bytes())"
sys.exit(subprocess.call([sys.executable, "-c", code]))
"""
    done = subprocess.run([sys.executable, "-c", large], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200 << 20
