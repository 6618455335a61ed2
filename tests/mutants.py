"""``make mutants``: breaks the pure cores in some thousand ways, one at a time, and prints which of
them no test noticed. The exit code is 1 if those are more than a few in a hundred.

Which files are broken, and by which tests that is to be noticed, is in pyproject.toml; ``mutants/``
keeps the outcomes, so that a run that was cut short goes on where it was; what survived is tried
again, since there may be another test by now.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path("mutants")
TESTS: Final = "mutmut-stats.json"
"""What mutmut notes of which tests come by which function; it looks at new tests only."""
MOST_SHARE: Final = 0.03
"""How many may survive, of those that were tried."""
SURVIVED, UNTESTED, SKIPPED = frozenset((0,)), frozenset((5, 33)), frozenset((34,))
"""Exit codes as mutmut notes them: no test failed; no test comes by; nothing was tried. With all
others something failed."""


class Outcome(NamedTuple):
    """What became of the mutants of one file."""

    file: str
    tried: int
    survived: list[str]
    """Names of the mutants that no test noticed."""

    @property
    def share(self) -> float:
        return len(self.survived) / self.tried if self.tried else 0.0


def outcomes(folder: Path) -> Iterator[Outcome]:
    """Read what was noted of each file of which at least one mutant was tried."""
    for note in sorted(folder.rglob("*.meta")):
        codes: dict[str, int | None] = json.loads(note.read_bytes())["exit_code_by_key"]
        tried = {name: code for name, code in codes.items() if code not in (None, *SKIPPED)}
        if tried:
            survived = [name for name, code in tried.items() if code in SURVIVED | UNTESTED]
            file = str(note.relative_to(folder)).removesuffix(".meta")
            yield Outcome(file, len(tried), survived)


def try_again(folder: Path) -> None:
    """Forget the outcomes of what survived. Where no test came by, forget too which tests come by
    where: the code may have moved."""
    for note in folder.rglob("*.meta"):
        content = json.loads(note.read_bytes())
        codes: dict[str, int | None] = content["exit_code_by_key"]
        if UNTESTED & set(codes.values()):
            (folder / TESTS).unlink(missing_ok=True)
        codes.update({name: None for name, code in codes.items() if code in SURVIVED | UNTESTED})
        note.write_text(json.dumps(content, indent=4))


def table(found: list[Outcome]) -> str:
    """Return a line a file, the worst first, then the names of all that survived."""
    found = sorted(found, key=lambda outcome: -outcome.share)
    rows = [f"{one.share:6.1%}  {len(one.survived):4} of {one.tried:4}  {one.file}"
            for one in [*found, whole(found)]]  # fmt: skip
    return "\n".join([*(name for one in found for name in one.survived), *rows])


def whole(found: list[Outcome]) -> Outcome:
    """Return the outcome of all files together."""
    survived = [name for one in found for name in one.survived]
    return Outcome("all together", sum(one.tried for one in found), survived)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help='mutants by name: "cluster.identify.*"')
    options = parser.parse_args()
    try_again(FOLDER)
    mutmut = [str(Path(sys.executable).with_name("mutmut")), "run", *options.only]
    code = subprocess.run(mutmut, check=False).returncode
    if code:
        print(f"mutmut ended with {code}")
        return code
    found = list(outcomes(FOLDER))
    print(table(found))
    print("`.venv/bin/mutmut show NAME` shows what was changed")
    return int(whole(found).share > MOST_SHARE)


if __name__ == "__main__":
    os.chdir(Path(__file__).parent.parent)
    sys.exit(main())
