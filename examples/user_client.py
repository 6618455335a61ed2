"""A user account's client: subscribes to its guilds and shows what is said there.

    export DCGW_TOKEN=...
    python user_client.py CLIENT_BUILD_NUMBER

Automating a user account breaks Discord's Terms of Service and can end that account. The sandbox
has a user account for trying this (`dcgw-cluster sandbox`).
"""

import asyncio
import contextlib
import os
import sys

from dcgw import GatewayClient
from dcgw.events import MessageCreate, ParseError, Ready, UnknownEvent


async def main(client_build_number: int) -> None:
    async with GatewayClient.connect(
        os.environ["DCGW_TOKEN"], capabilities="default", client_build_number=client_build_number
    ) as client:
        async for event in client:
            match event:
                case Ready(guilds=guilds):
                    await client.bulk_guild_subscribe([guild.id for guild in guilds])
                    print(f"Subscribed to {len(guilds)} guilds.", flush=True)
                case MessageCreate(message=message):
                    print(f"{message.author.username}: {message.content}", flush=True)
                case UnknownEvent() | ParseError():
                    print(event, file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal() or "DCGW_TOKEN" not in os.environ:
        sys.exit("usage: DCGW_TOKEN=... python user_client.py CLIENT_BUILD_NUMBER")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1])))
