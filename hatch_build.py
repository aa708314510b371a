"""Hatch's build hook: makes what is shipped but not committed.

It runs for a wheel, for an sdist and for an editable install.
"""

from __future__ import annotations

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShippedFilesHook(BuildHookInterface[Any]):
    """Makes the front end and puts the models' weights in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An isolated build doesn't have the project's root on its path.
        sys.path.insert(0, self.root)
        from build_tools.shipped import ShippedFileError, make_shipped_files

        try:
            make_shipped_files(self.root, self.app.display_info)
        except ShippedFileError as error:
            # One line to read; a traceback would bury it.
            self.app.abort(f"fastrtc: {error}")
