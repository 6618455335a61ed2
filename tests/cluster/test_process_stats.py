"""What a worker reports of its own memory."""

from __future__ import annotations

import mmap
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
