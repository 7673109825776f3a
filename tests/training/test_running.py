"""A run is alive while its process is."""

from pathlib import Path

from training.running import Running


def test_a_run_that_nobody_holds_is_not_alive(tmp_path: Path) -> None:
    assert not Running(tmp_path).alive("aa")


def test_a_run_that_is_held_is_alive_for_everyone(tmp_path: Path) -> None:
    here = Running(tmp_path)
    here.hold("aa")
    assert here.alive("aa")
    assert Running(tmp_path).alive("aa")
    assert not Running(tmp_path).alive("bb")
    here.release("aa")


def test_a_run_that_was_released_is_not_alive_and_leaves_nothing(tmp_path: Path) -> None:
    here = Running(tmp_path)
    here.hold("aa")
    here.release("aa")
    assert not Running(tmp_path).alive("aa")
    assert list(tmp_path.iterdir()) == []


def test_a_mark_without_its_process_is_not_alive(tmp_path: Path) -> None:
    (tmp_path / "aa").touch()
    assert not Running(tmp_path).alive("aa")
