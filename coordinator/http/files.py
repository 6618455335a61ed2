"""The page's files: read once, at the start, and known by name, so that no path is ever opened
that somebody asks for."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final, NamedTuple

TYPES: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


class File(NamedTuple):
    """A file, and what HTTP says of it."""

    content: bytes
    content_type: str
    etag: str
    """Entity tag without quotes."""


def page_files() -> dict[str, File]:
    """Return the page's files by name."""
    found = {}
    for path in resources.files("coordinator.http").joinpath("page").iterdir():
        ending = path.name.rpartition(".")[2]
        if ending in TYPES:
            content = path.read_bytes()
            tag = hashlib.blake2b(content, digest_size=8).hexdigest()
            found[path.name] = File(content, TYPES[ending], tag)
    return found
