"""Texts per second: Keepwell's reading of a text beside VADER's alone, in one run.

`python -m benchmarks.text FILE…` with texts as `keepwell text evaluate` takes them.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from features.text.emotions import emotions
from features.text.sentiment import sentiment
from features.text.tagging import tag
from features.text.tagging_file import DEFAULTS, load_rules
from training.text.fit import vader_scores
from training.text.labelled import read_labelled

_REPEATS = 3


def main(paths: Sequence[Path]) -> None:
    """Print texts per second of each step, the best of three, over all texts of these files."""
    texts = [text for path in paths for text in read_labelled(path).texts]
    rules = load_rules(DEFAULTS)
    steps: dict[str, Callable[[], object]] = {
        "VADER alone": lambda: vader_scores(texts),
        "sentiment, with language check": lambda: sentiment(texts),
        "emotions, with language check": lambda: emotions(texts),
        "everything, with tags and themes": lambda: [tag(text, rules) for text in texts],
    }
    sentiment(["warm"])
    for name, step in steps.items():
        seconds = min(_timed(step) for _ in range(_REPEATS))
        print(f"{name:36} {len(texts) / seconds:10,.0f} texts/s")


def _timed(step: Callable[[], object]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


if __name__ == "__main__":
    main([Path(each) for each in sys.argv[1:]])
