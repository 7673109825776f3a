"""A text model of one's own: when it beats the word lists, and that it stays what it was."""

import json
from pathlib import Path

import numpy as np
import pytest

from features.text.grams import grams
from features.text.model import load, save, weighted
from features.text.sentiment import sentiment
from governance.errors import (
    ConfigurationError,
    InsufficientData,
    IntegrityBroken,
    InvalidInput,
    NotFound,
)
from training.text.fit import Labelled, compare, fit
from training.text.labelled import read_labelled

_GOOD = ("the gizmo hums", "the gizmo hums all day", "it hums and hums")
_BAD = ("the gizmo clunks", "the gizmo clunks all day", "it clunks and clunks")


def shop_talk(n: int) -> Labelled:
    """Words that only this shop's customers use for good and bad; no list knows them."""
    texts = [f"{(_GOOD if k % 2 else _BAD)[k % 3]} in the room number {k}" for k in range(n)]
    ratings = np.array([5.0 if k % 2 else 1.0 for k in range(n)])
    return Labelled(texts, ratings, [f"c{k // 2}" for k in range(n)])


def test_the_same_gram_is_counted_and_short_words_have_edges() -> None:
    found = grams(["ab ab"])
    assert dict(zip(*np.unique(found.times, return_counts=True), strict=True)) == {1: 1, 2: 7}
    """Twice each: the word ab; ` a`, `ab`, `b `, ` ab`, `ab `, ` ab `; once: the pair ab ab."""


def test_each_block_of_a_text_has_length_one() -> None:
    found = grams(["some words of praise"])
    known = np.unique(found.hashed)
    _, _, value = weighted(found, known, np.ones(len(known)))
    assert float((value**2).sum()) == pytest.approx(2)


def test_own_words_beat_lists_that_do_not_know_them() -> None:
    found = compare(shop_talk(120))
    assert found.better
    assert found.model.value > 0.9 > 0.2 > found.lexicon.value


def test_ratings_by_lot_are_not_better() -> None:
    talk = shop_talk(120)
    by_lot = np.random.default_rng(5).permutation(talk.ratings)
    assert not compare(talk._replace(ratings=by_lot)).better


def test_texts_that_are_the_same_make_one_group() -> None:
    texts = ["the box is here"] * 120
    with pytest.raises(InsufficientData, match="1 groups"):
        compare(Labelled(texts, np.arange(120.0), [str(k) for k in range(120)]))


def test_fewer_than_a_hundred_labels_are_a_clear_no() -> None:
    with pytest.raises(InsufficientData, match="99 labelled"):
        compare(shop_talk(99))


def test_labels_that_are_all_the_same_are_a_clear_no() -> None:
    with pytest.raises(InsufficientData, match="same"):
        compare(shop_talk(120)._replace(ratings=np.ones(120)))


def test_a_model_reads_its_own_words_between_minus_one_and_one() -> None:
    model = fit(shop_talk(120), low=1, high=5)
    good, bad, nothing = sentiment(
        ["it hums in the room", "it clunks", None], scorer=model.polarity
    )
    assert nothing is None
    assert good is not None
    assert bad is not None
    assert 1 >= good > 0.3 > -0.3 > bad >= -1


def test_a_model_survives_being_written_and_read(tmp_path: Path) -> None:
    model = save(fit(shop_talk(120), low=1, high=5), tmp_path)
    texts = ["it hums", "it clunks in the room"]
    assert load(tmp_path / model.digest).polarity(texts) == model.polarity(texts)


def test_no_word_of_a_text_is_in_the_files(tmp_path: Path) -> None:
    model = save(fit(shop_talk(120), low=1, high=5), tmp_path)
    assert not any(b"gizmo" in each.read_bytes() for each in (tmp_path / model.digest).iterdir())


@pytest.mark.parametrize("name", ["model.json", "weights.npy", "idf.npy", "hashed.npy"])
def test_one_changed_byte_is_found(tmp_path: Path, name: str) -> None:
    model = save(fit(shop_talk(120), low=1, high=5), tmp_path)
    path = tmp_path / model.digest / name
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityBroken, match=name):
        load(tmp_path / model.digest)


def test_a_model_of_other_word_lists_is_refused(tmp_path: Path) -> None:
    model = save(fit(shop_talk(120), low=1, high=5), tmp_path)
    place = tmp_path / model.digest
    described = json.loads((place / "model.json").read_text())
    written = json.dumps(described | {"scorer": "older"}, sort_keys=True, indent=1).encode()
    (place / "model.json").write_bytes(written)
    import hashlib

    other = place.rename(tmp_path / hashlib.sha256(written).hexdigest())
    with pytest.raises(InvalidInput, match="other word lists"):
        load(other)


def test_a_model_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load(tmp_path / "nothing")


def test_a_table_of_labels_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text('rating,text,group\n4,"good, really",c1\n1,bad,c2\n2,  ,c3\n')
    found = read_labelled(path)
    assert (found.texts, found.ratings.tolist(), found.groups) == (
        ["good, really", "bad"],
        [4.0, 1.0],
        ["c1", "c2"],
    )


def test_a_bare_file_is_read_as_id_rating_text(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(b"7_1\t-0.9\tnot so good\r\n7_2\t2\tgr\xffeat\n")
    found = read_labelled(path)
    assert found.groups == ["7", "7"]
    assert found.ratings.tolist() == [-0.9, 2.0]


def test_bad_ratings_are_listed_by_line_without_their_text(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("text,rating\nfine,4\nsecret,four\nsecret,nan\n")
    with pytest.raises(ConfigurationError) as refused:
        read_labelled(path)
    assert refused.value.problems == (
        "line 3: the rating is no number",
        "line 4: the rating is no number",
    )


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match="no column text and no column rating"):
        read_labelled(path)
