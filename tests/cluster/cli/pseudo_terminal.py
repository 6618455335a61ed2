"""A pseudo-terminal, on which a command is run as people run it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios

PATIENCE_S = 30
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(self, command: list[str], columns: int = 80, rows: int = 40) -> None:
        self._fd, inner = pty.openpty()
        self.resize(columns, rows)
        # Where these are set they are what rich takes for the size.
        env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            env=env | {"TERM": "xterm-256color"},
        )
        os.close(inner)
        self.raw = ""

    def read_until(self, part: str) -> str:
        """Everything so far without escapes, once this was in it; or all, when it has ended."""
        while part not in self.text and self.read_more():
            pass
        return self.text

    def read_more(self) -> bool:
        """Wait for more to come. False: it has ended."""
        readable, _, _ = select.select([self._fd], [], [], PATIENCE_S)
        assert readable, f"nothing more came; what came: {self.text!r}"
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)

    def write(self, keys: str) -> None:
        """Type these keys."""
        os.write(self._fd, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size. Whoever has it as its controlling terminal would get a
        SIGWINCH by that; nobody has, so the test sends it."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def text(self) -> str:
        return ESCAPES.sub("", self.raw)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._fd)
