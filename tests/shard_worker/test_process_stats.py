"""What a worker reports of its own memory."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import pytest

from shard_worker.process_stats import own_memory_bytes

SIZE = 64 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the two apart")
def test_a_mapped_file_is_not_the_process_s_own_memory(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    file.write_bytes(bytes(SIZE))
    before = own_memory_bytes()
    with file.open("r+b") as handle, mmap.mmap(handle.fileno(), SIZE) as mapped:
        for offset in range(0, SIZE, mmap.PAGESIZE):  # every page comes into memory
            mapped[offset] = 1
        assert own_memory_bytes() - before < SIZE // 8
        own = bytearray(b"x") * SIZE
        assert own_memory_bytes() - before > SIZE // 8 * 7
        del own
