"""What a shell reads for a bot on the sandbox."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

from cluster.sandbox import SandboxInfo
from coordinator.children.sandbox_env import write_sandbox_env

INFO = SandboxInfo(
    pid=1, api_url="https://localhost:1/api", gateway_url="wss://localhost:1",
    resume_url="wss://127.0.0.1:2", ca_file="/tmp/a folder/ca.pem", token="a.b.c",
    user_token="d", control_url="http://127.0.0.1:3", control_token="e",
)  # fmt: skip


def test_a_shell_reads_it_and_nobody_else_does(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.env"
    for token in ("left.by.another", "it's a token"):
        write_sandbox_env(file, msgspec.structs.replace(INFO, token=token))
    assert file.stat().st_mode & 0o777 == 0o600
    script = f'. {file}; printf \'%s\\n\' "$DISCORD_TOKEN" "$DISCORD_API" "$SSL_CERT_FILE"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["it's a token", INFO.api_url, INFO.ca_file]
