"""A bot in one process, which goes on where it was when it is started again.

    export DCGW_TOKEN=...
    python bot.py session.json

Ctrl-C saves the session. Started again within the minutes that Discord keeps it, the bot is given
all that happened meanwhile, and spends no identify.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from dcgw import GatewayClient
from dcgw.events import MessageCreate, Ready, Resumed


def saved(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def save(path: Path, session: object) -> None:
    """For nobody else to read: a session is a credential."""
    path.unlink(missing_ok=True)
    if session is not None:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(session))


async def main(path: Path) -> None:
    token = os.environ["DCGW_TOKEN"]
    client = await GatewayClient.connect(
        token, intents=["guilds", "guild_messages", "message_content"], session=saved(path)
    )
    reading = asyncio.create_task(read(client))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, reading.cancel)
    try:
        await reading
    except asyncio.CancelledError:
        pass  # by the signal
    finally:
        save(path, await client.graceful_shutdown())


async def read(client: GatewayClient) -> None:
    async for event in client:
        match event:
            case Ready(guilds=guilds):
                print(f"A new session in {len(guilds)} guilds.", flush=True)
            case Resumed():
                print("Up to date.", flush=True)
            case MessageCreate(message=message):
                print(f"{message.author.username}: {message.content}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or "DCGW_TOKEN" not in os.environ:
        sys.exit("usage: DCGW_TOKEN=... python bot.py session.json")
    asyncio.run(main(Path(sys.argv[1])))
