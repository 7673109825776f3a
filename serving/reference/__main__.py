"""Writes the reference under `docs/`, or a folder that is named: `python -m serving.reference`."""

import sys
from pathlib import Path

from serving.reference.book import pages

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
for name, text in pages().items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
