"""The numbers of the wire, with the range that each may have: what is outside it is no message."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

MAX_SHARDS: Final = 1_000_000
MAX_WORKER_SHARDS: Final = 8_000
"""The most shards of one worker: its journal has a database for each that it holds or held."""
MAX_SEQ: Final = 10**18
"""The seq of a dispatch is smaller, so that what counts on from it fits 64 bits."""
MAX_EPOCH: Final = 2**53

ShardId = Annotated[int, msgspec.Meta(ge=0, lt=MAX_SHARDS)]
ShardCount = Annotated[int, msgspec.Meta(ge=1, le=MAX_SHARDS)]
Epoch = Annotated[int, msgspec.Meta(ge=1, le=MAX_EPOCH)]
Seq = Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQ)]
After = Annotated[int, msgspec.Meta(ge=-1, le=MAX_SEQ)]
"""A seq, or -1 for "before the first"."""
Slot = Annotated[int, msgspec.Meta(ge=0, lt=MAX_SHARDS)]
Ns = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Unix time in nanoseconds."""
