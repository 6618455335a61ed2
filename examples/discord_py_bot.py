"""A bot on discord.py, connected to the gateway proxy of a cluster. With a loopback Discord:

    dcgw-cluster start --sandbox --proxy     # prints the file that is read next
    . .../sandbox.env                        # the sandbox's token, REST and certificate
    python discord_py_bot.py

Stop it with Ctrl-C and start it again: it is given all that happened meanwhile, and the times that
it prints go on where they stopped. With Discord itself DISCORD_TOKEN is all that it needs.
"""

import os

import discord
from discord.ext import commands
from yarl import URL

# The one line: its gateway is the proxy.
gateway = os.environ.get("DISCORD_GATEWAY", "ws://127.0.0.1:7320")
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway)
# Its REST stays Discord's; a sandbox has its own.
discord.http.Route.BASE = os.environ.get("DISCORD_API", "https://discord.com/api") + "/v10"

bot = commands.Bot("!", intents=discord.Intents.all())


@bot.event
async def on_ready() -> None:
    print(f"{bot.user} in {len(bot.guilds)} guilds.", flush=True)


@bot.event
async def on_message(message: discord.Message) -> None:
    at = f"{message.created_at:%H:%M:%S.%f}"[:-3]
    print(f"{at} {message.author}: {message.content}", flush=True)


if __name__ == "__main__":
    bot.run(os.environ["DISCORD_TOKEN"])
