"""The token, from DCGW_TOKEN or a file, and what else is shown in its place: what is no part of it
is left out, or named.

No message holds a token or a part of one.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from cluster.endpoints.folders import replaceable
from cluster.errors import ConfigError
from cluster.plain_text import is_assignment, is_quoted, trimmed, unseen, utf8

MAX_TOKEN_FILE_BYTES: Final = 4096
MAX_SECRETS_FILE_BYTES: Final = 256 * 1024
LEAST_HTTP_TOKEN: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What the Authorization header takes for one (RFC 9110, section 11.2, token68)."""
_CLIENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
"""The name of a client of the proxy, which logs and `status` show."""
_PREFIX: Final = re.compile(r"Bot(\s+|$)")


def bare_token(text: str, source: str, account: Literal["bot", "user"]) -> str:
    """Return the token in a text, without "Bot" before it and without what can't be seen around it.
    source: where it comes from, for the error. Raises ConfigError."""
    said = trimmed(text)
    if _PREFIX.match(said):
        if account == "user":
            raise ConfigError(
                f'the token in {source} begins with "Bot", and the account is a user\'s',
                "give the user account's token, or say that it is a bot",
            )
        said = trimmed(_PREFIX.sub("", said))
    if not said:
        raise ConfigError(
            f"{source} holds no token",
            "put the bot's token there, as the developer portal shows it"
            if account == "bot"
            else "put the user account's token there",
        )
    if is_assignment(said):
        raise ConfigError(f"{source} holds NAME=value", "leave the value alone there, the token")
    if is_quoted(said):
        raise ConfigError(
            f"the token in {source} stands in quotes",
            "take them out: `docker run --env-file` keeps what a shell takes away",
        )
    if "\n" in said or "\r" in said:
        raise ConfigError(f"{source} holds several lines", "leave one there, the token")
    if character := unseen(said):
        raise ConfigError(
            f"the token in {source} holds a character that can't be seen ({character})",
            "copy it anew, or type that part",
        )
    if not _TOKEN.fullmatch(said):
        what = (
            "spaces"
            if " " in said
            else "what no token has: a quote, a bracket, letters beyond ASCII"
        )
        raise ConfigError(f"the token in {source} has {what} in it", "put it there as it is shown")
    return said


def read_token(
    env: Mapping[str, str], file: Path | None, account: Literal["bot", "user"] = "bot"
) -> tuple[str, list[str]]:
    """Return the token from DCGW_TOKEN, else from the file, and warnings. Raises ConfigError."""
    warnings: list[str] = []
    if trimmed(env.get("DCGW_TOKEN", "")):
        text, source = env["DCGW_TOKEN"], "DCGW_TOKEN"
    elif file is not None:
        text, source = _read_token_file(file, warnings), f"token_file {file}"
    else:
        raise ConfigError(
            "no token is set",
            f"put the {account}'s token into DCGW_TOKEN, or its file's path into token_file; "
            "`dcgw-cluster start --sandbox` runs without an account",
        )
    return bare_token(text, source, account), warnings


def read_http_token(file: Path) -> tuple[str, list[str]]:
    """Return the token that clients of HTTP show, and warnings. Raises ConfigError."""
    warnings: list[str] = []
    token = trimmed(_read_token_file(file, warnings, key="http.token_file"))
    if not _TOKEN.fullmatch(token) or len(token) < LEAST_HTTP_TOKEN:
        raise ConfigError(
            f"http.token_file {file} holds no token of {LEAST_HTTP_TOKEN} characters or more",
            "make one: `openssl rand -hex 32`",
        )
    return token, warnings


def read_secrets(file: Path) -> tuple[dict[str, str], list[str]]:
    """Return what the proxy's clients may show in place of the token, by the client's name, and
    warnings. Raises ConfigError.

    A line is "NAME SECRET"; empty ones and those that begin with # are left out.
    """
    warnings: list[str] = []
    key = "proxy.secrets_file"
    named: dict[str, str] = {}
    text = _read_token_file(file, warnings, key, most=MAX_SECRETS_FILE_BYTES)
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"line {number} of {key} {file}"
        if len(words) != 2 or not _CLIENT.fullmatch(words[0]):
            raise ConfigError(
                f"{where} is no NAME SECRET",
                "give a name of letters, digits, - and _, a space, and the secret",
            )
        name, secret = words
        if not _TOKEN.fullmatch(secret) or len(secret) < LEAST_HTTP_TOKEN:
            raise ConfigError(
                f"{where} holds no secret of {LEAST_HTTP_TOKEN} characters or more",
                "make one: `openssl rand -hex 32`",
            )
        if name in named or secret in named.values():
            what = "name" if name in named else "secret"
            raise ConfigError(f"{where} has the {what} of another line", "give each its own")
        named[name] = secret
    if not named:
        raise ConfigError(f"{key} {file} holds no secret", "write NAME SECRET into it, one a line")
    return named, warnings


def readable_by_others(mode: int, owner: int, user: int) -> bool:
    """Return whether a secret's file can be read, or written, by users whom nobody chose.

    A file of root's that a group may only read was made so for the members of that group, as
    container engines do it for a user that is not root (Kubernetes: fsGroup).
    """
    if owner == 0 and user != 0:
        return bool(mode & (stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP))
    return bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def _read_token_file(
    file: Path, warnings: list[str], key: str = "token_file", most: int = MAX_TOKEN_FILE_BYTES
) -> str:
    try:
        with file.open("rb") as handle:
            info = os.fstat(handle.fileno())
            data = handle.read(most + 1)
    except OSError as error:
        raise ConfigError(
            f"{key} {file} can't be read ({error.strerror})",
            "check the path and its mode"
            if key != "token_file"
            else "check the path and its mode, or set DCGW_TOKEN",
        ) from None
    if len(data) > most:
        what = "a token" if most == MAX_TOKEN_FILE_BYTES else "secrets"
        raise ConfigError(f"{key} {file} is too long for {what}", "is it the right file?")
    if readable_by_others(info.st_mode, info.st_uid, os.getuid()):
        warnings.append(f"{key} {file} can be read by others: chmod 600 {file}")
    if why := replaceable(file):
        warnings.append(f"{key} {file} is not safe there: {why}")
    return utf8(f"{key} {file}", data)
