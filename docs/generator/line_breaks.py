"""Where long names in tables may be broken: between their words, so that a table is as wide as its
page and no name is torn."""

from __future__ import annotations

import re
from typing import Final

_CELL: Final = re.compile(r"<td\b.*?</td>", re.S)
_CODE: Final = re.compile(r"(<code>)([^<]*)(</code>)")
_BETWEEN: Final = re.compile(r"(?<=\w[_/.])(?=\w)|(?<=::)(?=\w)|(?<=[a-z])(?=[A-Z])")


def with_line_breaks(html: str) -> str:
    """Return a page whose names in cells of tables may be broken between words (`<wbr>`)."""
    return _CELL.sub(lambda cell: _CODE.sub(_broken, cell[0]), html)


def _broken(code: re.Match[str]) -> str:
    return f"{code[1]}{_BETWEEN.sub('<wbr>', code[2])}{code[3]}"
