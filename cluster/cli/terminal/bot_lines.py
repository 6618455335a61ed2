"""The line by which a bot connects to the gateway proxy, for the five best-known libraries. Pure.

docs/existing-bots.md has it for more, with what was tried.
"""

from __future__ import annotations

from typing import Final

_DISCORD_PY: Final = """\
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(
    "{url}")"""
_DISCORD_JS: Final = """\
client.rest.get = (get => async (at, ask) => at === "/gateway/bot"
  ? { ...await get(at, ask), url: "{url}" }
  : get(at, ask))(client.rest.get.bind(client.rest));"""
_HIKARI: Final = """\
hikari.sessions.GatewayBotInfo.url = property(
    lambda info: "{url}", lambda info, url: None)"""
_JDA: Final = """\
builder.setSessionController(new ConcurrentSessionController() {
  @Override
  public String getGateway() { return "{url}"; }
});"""
_SERENITY: Final = """\
*client.ws_url.lock().await = "{url}".to_owned();"""

LIBRARIES: Final = {
    "discord.py": _DISCORD_PY,
    "discord.js": _DISCORD_JS,
    "hikari": _HIKARI,
    "JDA": _JDA,
    "serenity": _SERENITY,
}
"""Name of a library -> what a bot on it says."""


def bot_lines(url: str) -> list[str]:
    """Return what to tell somebody whose bots connect to the proxy at this URL."""
    lines = [f"Bots connect to {url} with their token, once they are told so:"]
    for name, code in LIBRARIES.items():
        first, *others = code.replace("{url}", url).splitlines()
        lines.append(f"  {name:<11} {first}")
        lines += [f"  {'':<11} {line}" for line in others]
    return lines
