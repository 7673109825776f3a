"""What deploy/ promises: a small image, nothing written but the home, secrets in files, a Bento."""

import fnmatch
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from serving.caches import BUILT, CACHE, place_caches
from serving.settings import Settings
from serving.workers import GRACE_SECONDS
from tests.conftest import long_form
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FLOORS = ("governance", "features", "training", "outcomes", "serving")
NOBODY = 10001


def instructions() -> list[tuple[str, str]]:
    """Every instruction of the Containerfile: its word and the rest, continued lines joined."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


def of(word: str) -> list[str]:
    return [rest for each, rest in instructions() if each == word]


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = _compose()["services"]
    return found


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert of("USER") == [f"{NOBODY}:{NOBODY}"]
    assert instructions()[-1][0] == "CMD"


def test_the_image_is_built_from_locked_packages_alone() -> None:
    assert any("--require-hashes requirements.lock" in each for each in of("RUN"))
    assert len(of("FROM")) == 2
    assert of("FROM")[-1] == "python:3.12-slim"  # what builds does not come along


def test_the_image_has_what_lightgbm_links() -> None:
    last = [at for at, (word, _) in enumerate(instructions()) if word == "FROM"][-1]
    assert any(word == "RUN" and "libgomp1" in rest for word, rest in instructions()[last:])


def test_the_image_is_asked_whether_it_lives() -> None:
    assert "/livez" in of("HEALTHCHECK")[0]


def test_no_host_is_named_that_images_or_packages_come_from() -> None:
    for path in (*DEPLOY.iterdir(), ROOT / "bentofile.yaml"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"[a-z0-9-]+\.(io|com|org|net)/", text), path.name


def test_everything_the_image_takes_is_there_and_let_through() -> None:
    lines = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    for each in of("COPY"):
        if not each.startswith("--from"):
            for source in each.split()[:-1]:
                assert (ROOT / source).exists()
                assert source in let_through
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_may_do_as_little_as_possible(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_no_secret_stands_in_the_compose_file() -> None:
    for service in services().values():
        for name in service.get("environment", {}):
            secret = re.search("PASSWORD|SECRET|URL|KEY", name)
            assert not secret or name.endswith("_FILE")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for each in _compose()["secrets"].values():
        assert each["file"].startswith("./secrets/")
    assert "/deploy/secrets/" in ignored


def test_every_file_the_compose_file_mounts_is_there() -> None:
    for service in services().values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).is_file()
            else:
                assert source in _compose()["volumes"]


def test_the_journal_lies_on_a_volume_of_its_own() -> None:
    assert "journal:/srv/keepwell/var/journal" in services()["keepwell"]["volumes"]


def test_the_service_is_given_the_time_it_takes_to_end() -> None:
    given = int(services()["keepwell"]["stop_grace_period"].removesuffix("s"))
    stated = Settings().service
    assert given >= stated.drain_seconds + stated.drain_notice_seconds + GRACE_SECONDS


def test_what_an_image_compiled_is_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)
    program, home = tmp_path / "program", tmp_path / "home"
    (program / "features").mkdir(parents=True)
    (program / BUILT).mkdir()
    (program / BUILT / "kernel.nbi").write_text("compiled")
    monkeypatch.setattr(os, "access", lambda *_: False)
    for _ in range(2):
        place_caches(home, program=program)
    assert (home / CACHE / "numba/kernel.nbi").read_text() == "compiled"
    assert os.environ["NUMBA_CACHE_DIR"] == str(home / CACHE / "numba")
    assert [each.name for each in (home / CACHE).iterdir()] == ["numba"]


def test_where_the_program_can_be_written_nothing_is_put_into_the_home(tmp_path: Path) -> None:
    place_caches(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    clock = Clock()
    keepwell = new_home(tmp_path_factory.mktemp("shop") / "home", Settings(), now=clock())
    made = Shop(keepwell, clock)
    made.order("ann", 80, 60, 40)
    made.permit("ann")
    made.approve_model()
    yield made
    keepwell.close()


SANDBOX = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount -t tmpfs tmpfs "$2" || exit 97
for each in $(awk '$5 ~ "^/" {print $5}' /proc/self/mountinfo | sort -r); do
  case "$each" in "$1"|"$2"|/proc*|/sys*|/dev*) continue;; esac
  mount -o remount,ro,bind "$each" || exit 97
done
umask 077; cd /; shift 2
caps=-all,+dac_read_search
exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs \
  --inh-caps $caps --ambient-caps $caps --bounding-set $caps env -i PATH=/usr/bin:/bin "$@"
"""
"""As in the image: another user, no home directory, a read-only root; it may read what we may."""


def in_sandbox(home: Path, *command: str) -> list[str]:
    """Give the command that runs another with nothing writable but the home and a small /tmp."""
    scratch = home.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    given = (f"KEEPWELL_HOME={home}", f"TMPDIR={scratch}", "BENTOML_DO_NOT_TRACK=true")
    return ["unshare", "-m", "sh", "-c", SANDBOX, "sh", str(home), str(scratch), *given, *command]


def can_be_sandboxed(home: Path) -> bool:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        return False
    return subprocess.run(in_sandbox(home, "true"), capture_output=True).returncode == 0


def hand_over(home: Path) -> None:
    """Give the home to the user of the image, with what an image has compiled."""
    for source in {each.parent.parent for each in ROOT.glob("*/**/*.nbi")}:
        name = f"{source.name}_{hashlib.sha1(str(source).encode()).hexdigest()}"
        shutil.copytree(source / "__pycache__", home / CACHE / "numba" / name)
    for each in (home, *home.rglob("*")):
        os.chown(each, NOBODY, NOBODY)


def answered(url: str, key: str, process: "subprocess.Popen[bytes]", output: Path) -> Any:
    """Wait until the service is ready, and give what it answers about Ann."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text()
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                break
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return httpx.post(
        f"{url}/v1/scores",
        json={"inputs": [{"customer_id": "ann"}]},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    ).json()["results"][0]["status"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_it_serves_as_another_user_on_a_read_only_root_without_a_home_directory(
    home: Shop, tmp_path: Path
) -> None:
    long_form()
    root, key = tmp_path / "home", home.key()
    shutil.copytree(home.keepwell.home.root, root)
    for each in (tmp_path, *list(tmp_path.parents)[:-1]):
        if each != Path("/tmp"):
            each.chmod(each.stat().st_mode | 0o055)
    if not can_be_sandboxed(root):
        pytest.skip("needs root, unshare and setpriv")
    hand_over(root)
    port, output = free_port(), tmp_path / "serve.log"
    keepwell = (sys.executable, "-c", "from serving.cli import main; main()")
    command = in_sandbox(root, *keepwell, "serve", "--port", str(port))
    with output.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        assert answered(f"http://127.0.0.1:{port}", key, process, output) == "scored"
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the Bento from the checkout; gives its folder."""
    long_form()
    store = tmp_path_factory.mktemp("bentos")
    subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag"],
        cwd=ROOT,
        env={**os.environ, "BENTOML_HOME": str(store), "BENTOML_DO_NOT_TRACK": "true"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    [found] = [each for each in (store / "bentos/keepwell").iterdir() if each.is_dir()]
    return found


def test_a_bento_holds_our_packages_and_nothing_else(bento: Path) -> None:
    source = bento / "src"
    held = {str(each.relative_to(source)) for each in source.rglob("*") if each.is_file()}
    outside = {each for each in held if each.split("/")[0] not in FLOORS}
    assert outside == {"LICENSE", "pyproject.toml", "bentofile.yaml"}
    assert not fnmatch.filter(held, "*.pyc")
    tracked = subprocess.run(
        ["git", "ls-files", *FLOORS], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(tracked) - held == set()
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    built = (bento / "env/python/requirements.txt").read_text(encoding="utf-8")
    pinned = re.compile(r"^[A-Za-z0-9_.-]+==[^\s;]+", re.MULTILINE)
    assert set(pinned.findall(lock)) == set(pinned.findall(built))
    assert "--hash=sha256:" in built


def test_a_bento_serves_a_home(bento: Path, home: Shop, tmp_path: Path) -> None:
    port, output = free_port(), tmp_path / "serve.log"
    command = [sys.executable, "-m", "bentoml", "serve", str(bento), "--port", str(port)]
    environment = {"KEEPWELL_HOME": str(home.keepwell.home.root), "BENTOML_DO_NOT_TRACK": "true"}
    with output.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | environment)
    try:
        assert answered(f"http://127.0.0.1:{port}", home.key(), process, output) == "scored"
    finally:
        process.terminate()
        process.wait(60)
