"""MkDocs's hook: adds what follows from the code (``mkdocs.yml`` names this file)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from cluster.cli import main
from cluster.config.loading import SCHEMA, VARIABLES
from cluster.wire.status import ClusterStatus
from docs.generator.command_line import command_line
from docs.generator.configuration import configuration
from docs.generator.line_breaks import with_line_breaks
from docs.generator.repository_files import PAGES, as_page, linked, page_of, with_links_to_pages
from docs.generator.status_fields import status_fields

ROOT: Final = Path(__file__).parents[2]
MERMAID: Final = ROOT / "docs/generator/node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
"""What draws the diagrams; absent where there was no npm."""
SCRIPT: Final = "assets/mermaid.js"
SEARCH: Final = 'data-md-component="search" role="dialog"'
"""The theme's dialogue, which it leaves without a name for who hears the page."""
DIAGRAM: Final = '<pre class="mermaid">'
MARK: Final = "<!-- made when the site is built:"
"""Where a page has what is made from the code, up to the comment's end."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Show diagrams as their text where nothing is here that draws them: the theme would fetch it
    from elsewhere."""
    if not MERMAID.is_file():
        config.mdx_configs["pymdownx.superfences"] = {}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file of the repository that some page links to, and the script."""
    shown = set(PAGES).union(
        *(linked(page.content_string, _folder(page)) for page in files.documentation_pages())
    )
    for path in sorted(shown):
        content = as_page(path, (ROOT / path).read_text(encoding="utf-8"))
        level = InclusionLevel.INCLUDED if path in PAGES else InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, page_of(path), content=content, inclusion=level))
    if MERMAID.is_file():
        files.append(File.generated(config, SCRIPT, abs_src_path=str(MERMAID)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put in what is made from the code, and lead links to files of the repository to their
    pages."""
    if (make := MADE.get(page.file.src_uri)) is not None:
        head, mark, rest = markdown.partition(MARK)
        if not mark:
            raise PluginError(f"{page.file.src_uri} has no place for what is made from the code")
        markdown = f"{head}{make()}{rest.partition('-->')[2]}"
    return with_links_to_pages(markdown, _folder(page.file))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Let names in tables be broken, name the search, and load the script where there is a diagram
    and nowhere else, since it is larger than all the rest."""
    if DIAGRAM in output:
        source = get_relative_url(SCRIPT, page.url)
        output = output.replace("</body>", f'<script src="{source}"></script></body>')
    return with_line_breaks(output.replace(SEARCH, f'{SEARCH} aria-label="Search"'))


def _folder(page: File) -> str:
    """Return the folder that a page is in, from docs/."""
    folder: str = posixpath.dirname(page.src_uri)
    return folder


def _configuration() -> str:
    commented = (ROOT / "configs" / "cluster.toml").read_text(encoding="utf-8")
    return configuration(SCHEMA, commented, VARIABLES)


def _command_line() -> str:
    return command_line(main, "dcgw-cluster")


def _status_fields() -> str:
    return status_fields(ClusterStatus)


MADE: Final[dict[str, Callable[[], str]]] = {
    "reference/configuration.md": _configuration,
    "reference/command-line.md": _command_line,
    "reference/http.md": _status_fields,
}
"""What is made of each page."""
