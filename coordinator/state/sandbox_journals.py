"""Journals of a cluster that runs on a sandbox, and its cache: each start has a new world, and new
journals.

Nothing in the journals of an earlier world can be resumed or is of use to anybody, and they are
large. They are told from those of a real bot, which may have run under the same name, by a mark in
the store: it is set when a sandbox's cluster finds no journals, or only such as are under the mark
already, and taken away by every start without a sandbox.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from cluster.endpoints.paths import ClusterPaths, is_held
from coordinator.state.store import Store

log = logging.getLogger(__name__)


def begin_world(paths: ClusterPaths, store: Store, *, sandbox: bool) -> int:
    """Remove the journals of the sandbox's world before this one, and the cache of its guilds;
    return the bytes that this freed.

    Call it once at a start, with the state folder locked and before a worker is started. sandbox:
    whether this start has a sandbox; without one the journals are kept, whosever they are. The
    journal of a worker that still runs is kept too: it has events that nobody has got yet.
    """
    if not sandbox:
        store.mark_sandbox_journals(False)
        return 0
    freed = 0
    if store.has_sandbox_journals:
        for slot in paths.journal_slots():
            if not is_held(paths.journal(slot) / "owner.lock"):
                freed += _discard(paths.journal(slot), "journal")
        if paths.cache.is_dir():
            freed += _discard(paths.cache, "cache")
    elif paths.journal_slots():
        return 0
    store.mark_sandbox_journals(True)
    return freed


def _discard(folder: Path, what: str) -> int:
    """Unlink a journal, or the cache: truncated, it would kill whoever still has it mapped."""
    freed = 0 if folder.is_symlink() else sum(f.lstat().st_blocks * 512 for f in folder.iterdir())
    shutil.rmtree(folder, onerror=lambda _, path, info: log.warning("%s is not removed", path))
    log.info("the %s %s is of a world that is no more: removed", what, folder)
    return freed
