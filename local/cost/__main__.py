"""python -m local.cost measure | page | check. The Makefile says when to use which."""

import json
import os
import sys
from pathlib import Path

from local.cost.page import render
from local.places import REPOSITORY

COUNTS = REPOSITORY / "docs" / "cost" / "counts.json"
PAGE = REPOSITORY / "docs" / "cost.md"


def main(words: list[str]) -> int:
    """`measure` counts anew on the cloud that ONCELEDGER_CLOUD names and writes both files; `page` writes the page of what was counted; `check`
    says whether it is that page."""
    match words:
        case ["measure"]:
            # Only here are the local cloud's own packages needed.
            from local.cost.measuring import measure

            counts = measure(json.loads(Path(os.environ["ONCELEDGER_CLOUD"]).read_text()))
            COUNTS.parent.mkdir(exist_ok=True)
            COUNTS.write_text(json.dumps(counts, indent=1) + "\n")
            PAGE.write_text(render(counts))
        case ["page"]:
            PAGE.write_text(render(json.loads(COUNTS.read_text())))
        case ["check"]:
            if PAGE.read_text() != render(json.loads(COUNTS.read_text())):
                print("docs/cost.md is not what docs/cost/counts.json and local/cost say: python -m local.cost page", file=sys.stderr)
                return 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
