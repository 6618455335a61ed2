"""What a process has used until now, thread by thread, as Linux counts it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.children import cpu_seconds, rss_bytes

MAIN = "main thread"
LIBZMQ = "libzmq's thread"
OTHERS = "other threads"


class Thread(NamedTuple):
    """What one thread has used."""

    name: str
    cpu_s: float
    switches: int
    """Context switches, by its own waits and by force."""


class Reading(NamedTuple):
    """What a process has used."""

    cpu_s: float
    rss_bytes: int
    threads: Mapping[int, Thread]
    """By their ids; empty where there is no /proc."""


class Used(NamedTuple):
    """What a process used between two readings."""

    cpu_s: float
    by_thread: Mapping[str, float]
    """CPU seconds by MAIN, LIBZMQ and OTHERS; empty: not known."""
    switches: int | None
    """None: not known."""


def read(pid: int) -> Reading:
    """Read what a process has used."""
    folder = Path(f"/proc/{pid}/task")
    tasks = sorted(folder.iterdir()) if folder.exists() else []
    threads = {}
    for task in tasks:
        try:
            threads[int(task.name)] = _thread(task)
        except (FileNotFoundError, ProcessLookupError):  # it has ended just now
            continue
    return Reading(cpu_seconds(pid), rss_bytes(pid), threads)


def used(pid: int, before: Reading, after: Reading) -> Used:
    """Return what was used between two readings. A thread that is new in the second began with
    nothing; what one used that has ended since is in the process's time alone."""
    if not after.threads:
        return Used(after.cpu_s - before.cpu_s, {}, None)
    by_thread = {MAIN: 0.0, LIBZMQ: 0.0, OTHERS: 0.0}
    switches = 0
    for tid, thread in after.threads.items():
        was = before.threads.get(tid, Thread("", 0.0, 0))
        by_thread[kind(pid, tid, thread.name)] += thread.cpu_s - was.cpu_s
        switches += thread.switches - was.switches
    return Used(after.cpu_s - before.cpu_s, by_thread, switches)


def kind(pid: int, tid: int, name: str) -> str:
    """Return which of the kinds a thread is of."""
    if tid == pid:
        return MAIN
    return LIBZMQ if name.startswith("ZMQbg") else OTHERS


def _thread(task: Path) -> Thread:
    return Thread(
        (task / "comm").read_text().strip(),
        thread_cpu_s(task),
        switches_in((task / "status").read_text()),
    )


def thread_cpu_s(task: Path) -> float:
    """Return the CPU time of a thread, from the scheduler if it says it (in nanoseconds), else in
    the clock's ticks of 10 ms. task: its folder in /proc."""
    try:
        return int((task / "schedstat").read_bytes().split()[0]) / 1e9
    except FileNotFoundError:
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def switches_in(status: str) -> int:
    """Return the context switches that a thread's status file counts."""
    return sum(
        int(line.partition(":")[2])
        for line in status.splitlines()
        if line.startswith(("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"))
    )
