"""The environment of a bot on the sandbox: a file that a shell reads, while the sandbox runs.

A bot of the gateway proxy keeps Discord's REST. On a sandbox that is the sandbox's, with a
certificate of its own, and the token is the one that the sandbox made.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from cluster.endpoints.folders import write_private
from cluster.sandbox.options import SandboxInfo


def write_sandbox_env(file: Path, info: SandboxInfo) -> None:
    """Write the file, for this user alone. OSError: it can't be written."""
    values = {
        "DISCORD_TOKEN": info.token,
        "DISCORD_API": info.api_url,
        # What Python's ssl trusts, and Node's tls, beside or in place of what it trusts else.
        "SSL_CERT_FILE": info.ca_file,
        "NODE_EXTRA_CA_CERTS": info.ca_file,
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
    file.unlink(missing_ok=True)  # a coordinator that was killed has left its own
    write_private(file, "".join(lines).encode())
