"""Files of the repository that pages link to: on the site each is a page of its own, so that the
links lead somewhere wherever the site is read."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from typing import Final

LINK: Final = re.compile(r"(\]\()(\.\./[^)#\s]+)(#[^)\s]*)?\)")
"""A Markdown link from a page of docs/ to what is above its folder."""
PAGES: Final = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files that are pages themselves."""
_LEXERS: Final = {
    ".c": "c",
    ".json": "json",
    ".mjs": "javascript",
    ".py": "python",
    ".service": "ini",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}


def linked(markdown: str, folder: str = "") -> set[str]:
    """Return the paths, from the repository's root, of the files outside of docs/ that a page
    links to. folder: the page's, from docs/."""
    paths = {_from_root(found[2], folder) for found in LINK.finditer(markdown)}
    return {path for path in paths if not _is_of_docs(path)}


def _from_root(target: str, folder: str) -> str:
    """Return the path of what a page in a folder of docs/ links to."""
    return posixpath.normpath(posixpath.join("docs", folder, target))


def _is_of_docs(path: str) -> bool:
    return path.startswith("docs/")


def page_of(path: str) -> str:
    """Return where the page of a file stands, from docs/."""
    return PAGES.get(path, f"files/{path}.md")


def as_page(path: str, text: str) -> str:
    """Return the page that shows a file."""
    if path in PAGES:
        return moved(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    lexer = _LEXERS.get(PurePosixPath(path).suffix, "text")
    return f"# {path}\n\n{fence}{lexer}\n{text.rstrip()}\n{fence}\n"


def with_links_to_pages(markdown: str, folder: str = "") -> str:
    """Return a page of docs/ with its links to files of the repository led to their pages. folder:
    the page's, from docs/."""

    def led(found: re.Match[str]) -> str:
        path = _from_root(found[2], folder)
        if _is_of_docs(path):
            return found[0]
        page = posixpath.relpath(page_of(path), folder or ".")
        return f"{found[1]}{page}{found[3] or ''})"

    return LINK.sub(led, markdown)


def moved(text: str) -> str:
    """Return a file of the root with the links that it has from there, as a page of docs/."""
    return re.sub(r"(\]\()docs/", r"\1", text)
