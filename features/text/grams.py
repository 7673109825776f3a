"""Texts as counted n-grams, each a 64-bit number: no word of anyone's text is kept.

Words alone and in pairs, and 2 to 5 characters within a word, with its edges. The same code counts
for fitting and for scoring, so the two cannot differ.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

CHARACTERS = (2, 3, 4, 5)
BLOCKS = ("words", "characters")

_WORD = re.compile(r"\w+")
_BASE = np.uint64(1_099_511_628_211)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SPACE = 32

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]


class Grams(NamedTuple):
    """Every n-gram of n texts: which text (k,), its hash (k,), and how often it is there (k,).

    Sorted by text, then hash. The lowest bit of a hash names the block: 0 words, 1 characters.
    """

    row: Ints
    hashed: Hashes
    times: Ints


def grams(texts: Sequence[str]) -> Grams:
    """Count the n-grams of cleaned texts, in lower case."""
    lowered = [text.lower() for text in texts]
    parts = [_word_grams(lowered), *_character_grams(lowered)]
    row = np.concatenate([part[0] for part in parts])
    hashed = np.concatenate([part[1] for part in parts])
    order = np.lexsort((hashed, row))
    row, hashed = row[order], hashed[order]
    first = np.ones(len(row), np.bool_)
    first[1:] = (row[1:] != row[:-1]) | (hashed[1:] != hashed[:-1])
    starts = np.flatnonzero(first)
    return Grams(row[starts], hashed[starts], np.diff(np.append(starts, len(row))))


def block_of(hashed: Hashes) -> Ints:
    """Say which of `BLOCKS` each n-gram belongs to."""
    return (hashed & np.uint64(1)).astype(np.int64)


def _word_grams(texts: Sequence[str]) -> tuple[Ints, Hashes]:
    rows: list[int] = []
    codes: list[int] = []
    for place, text in enumerate(texts):
        words = _WORD.findall(text)
        rows += [place] * len(words)
        codes += [crc32(word.encode("utf-8", "replace")) for word in words]
    row, single = np.array(rows, np.int64), np.array(codes, np.uint64)
    together = row[1:] == row[:-1]
    pairs = (single[:-1] * _BASE + single[1:])[together]
    return (
        np.concatenate([row, row[1:][together]]),
        np.concatenate([_mixed(single, 1, 0), _mixed(pairs, 2, 0)]),
    )


def _character_grams(texts: Sequence[str]) -> list[tuple[Ints, Hashes]]:
    spaced = [f" {' '.join(text.split())} " for text in texts]
    written = np.frombuffer("".join(spaced).encode("utf-32-le", "replace"), np.uint32)
    code = written.astype(np.uint64)
    row = np.repeat(np.arange(len(spaced), dtype=np.int64), [len(text) for text in spaced])
    space = written == _SPACE
    found: list[tuple[Ints, Hashes]] = []
    for n in CHARACTERS:
        k = max(len(code) - n + 1, 0)
        hashed = np.zeros(k, np.uint64)
        inside = np.zeros(k, np.bool_)
        for step in range(n):
            hashed = hashed * _BASE + code[step : step + k]
            if 0 < step < n - 1:
                inside |= space[step : step + k]
        keep = (row[:k] == row[n - 1 : n - 1 + k]) & ~inside
        found.append((row[:k][keep], _mixed(hashed[keep], 2 + n, 1)))
    return found


def _mixed(hashed: Hashes, salt: int, block: int) -> Hashes:
    """Spread the bits, apart for each kind of n-gram, and name the block in the lowest."""
    mixed = (hashed + np.uint64(salt)) * _MIX
    mixed ^= mixed >> np.uint64(29)
    mixed *= _BASE
    mixed ^= mixed >> np.uint64(32)
    return (mixed & ~np.uint64(1)) | np.uint64(block)
