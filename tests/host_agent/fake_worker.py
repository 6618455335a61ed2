"""A program in a worker's place: holds its slot's lock, speaks on the link, and writes down its
spec."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import msgspec
import zmq

from cluster.config.worker_spec import decode_spec
from cluster.folder_lock import FolderLock


def main() -> None:
    """Run until SIGTERM, or until it is told "die"."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    spec = decode_spec(sys.stdin.buffer.read())
    folder = Path(spec.journal_dir)
    FolderLock(folder, "worker")
    (folder / "spec.json").write_bytes(msgspec.json.encode(spec))
    socket = zmq.Context().socket(zmq.DEALER)
    socket.setsockopt(zmq.IDENTITY, b"%d" % spec.slot)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(spec.link_endpoint)
    socket.send(b"I am here")
    while (data := socket.recv()) != b"die":
        socket.send(b"heard " + data)
    print("it was told to die", file=sys.stderr)
    sys.exit(9)


if __name__ == "__main__":
    main()
