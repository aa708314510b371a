"""Make every file that is shipped but not committed.

Run `python -m build_tools.shipped` to do it by hand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from build_tools.errors import ShippedFileError
from build_tools.frontend import make_frontend
from build_tools.weights import SHIPPED, make_weights

__all__ = ["ShippedFileError", "make_shipped_files"]

SKIP_FRONTEND = "FASTRTC_SKIP_FRONTEND"


def make_shipped_files(
    root: str | os.PathLike[str], say: Callable[[str], None]
) -> None:
    """Make what is missing or out of date under the project's root.

    Args:
        root: the project's folder, with `backend/` and `frontend/` in it.
        say: told in one line what is about to happen.

    Raises:
        ShippedFileError: something needed for it is not installed or in reach.
    """
    folder = Path(root)
    for pin in SHIPPED:
        make_weights(folder, say, pin)
    if os.environ.get(SKIP_FRONTEND) == "1":
        say(f"{SKIP_FRONTEND}=1: the front end is left as it is")
    else:
        make_frontend(folder, say)


def main() -> int:
    """Make them for the project this file is in."""
    try:
        make_shipped_files(Path(__file__).parents[1], print)
    except ShippedFileError as error:
        print(f"fastrtc: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
