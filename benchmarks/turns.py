"""`python -m benchmarks.turns [--quick]`: the turn-taking part by itself."""

from __future__ import annotations

import sys

from .__main__ import main

if __name__ == "__main__":
    sys.exit(main(["turns", *sys.argv[1:]]))
