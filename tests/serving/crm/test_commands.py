"""The commands `crm`, `webhook` and `playbooks run` as people meet them."""

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from serving.scoring.batch import score_everyone
from tests.serving.conftest import Shop
from tests.serving.test_cli import Commands, Told


def keepwell(shop: Shop, *words: object, as_json: bool = True) -> Told:
    command = Commands(shop.keepwell.home.root)
    return command(*words) if as_json else command.plain(*words)


@pytest.fixture
def scores(regular: Shop, tmp_path: Path) -> Path:
    """Ann is scored now, by the clock on the wall, and may be e-mailed."""
    regular.permit("ann", "outreach.email")
    path = tmp_path / "scores.parquet"
    target = regular.keepwell.target("churn")
    regular.clock.now = datetime.now(UTC)
    score_everyone(regular.keepwell, target, out=path, clock=regular.clock)
    return path


def set_webhook(shop: Shop, url: str) -> None:
    settings = shop.keepwell.home.settings_file
    line = f'\n[webhook]\nurl = "{url}"\nallow_private = true\ntimeout_seconds = 2\n'
    settings.write_text(settings.read_text() + line)


class Receiver(ThreadingHTTPServer):
    """Answers every message alike and remembers what came."""

    def __init__(self, status: int) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.came.append((headers, body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


def test_the_secret_that_is_shown_verifies_the_message_that_is_sent(regular: Shop) -> None:
    with Receiver(204) as receiver:
        set_webhook(regular, receiver.url)
        secret = keepwell(regular, "webhook", "secret").json["secret"]
        sent = keepwell(regular, "webhook", "test")
    [(headers, body)] = receiver.came
    told = Webhook(secret).verify(body, headers)
    assert (sent.code, sent.json["delivered"], told["type"]) == (0, True, "webhook.test")


def test_a_test_that_is_not_taken_is_a_clear_no(regular: Shop) -> None:
    with Receiver(401) as receiver:
        set_webhook(regular, receiver.url)
        told = keepwell(regular, "webhook", "test", as_json=False)
    assert told.code == 1
    assert "401" in told.out


def test_a_test_that_nobody_answers_names_the_host_and_the_cause(regular: Shop) -> None:
    with Receiver(204) as receiver:
        url = receiver.url
    set_webhook(regular, url)
    told = keepwell(regular, "webhook", "test", as_json=False)
    assert told.code == 1
    assert f"no answer from {url.split('/')[2]} (" in told.out
    assert "refused" in told.out


def test_a_test_without_an_address_says_what_to_set(regular: Shop) -> None:
    told = keepwell(regular, "webhook", "test")
    assert (told.code, told.json["error"]["problems"]) == (2, ["url of [webhook] is not set"])


@pytest.mark.parametrize("system", ["salesforce", "hubspot"])
def test_fields_are_written_for_every_target(regular: Shop, tmp_path: Path, system: str) -> None:
    told = keepwell(regular, "crm", "fields", "--for", system, "--out", tmp_path / "fields")
    assert told.code == 0
    assert "churn_probability" in " ".join(told.json["fields"]).lower()
    assert len(list((tmp_path / "fields").rglob("*.*"))) == told.json["files"]


def test_an_export_says_what_it_did(regular: Shop, scores: Path, tmp_path: Path) -> None:
    out = tmp_path / "upload.csv"
    told = keepwell(regular, "crm", "export", "--for", "hubspot", "--scores", scores, "--out", out)
    assert told.code == 0, told
    assert told.json["exported"] == 1
    assert Path(told.json["out"]).read_text().count("\n") == 2


def test_a_channel_nobody_was_asked_about_is_a_mistake(
    regular: Shop, scores: Path, tmp_path: Path
) -> None:
    out = tmp_path / "upload.csv"
    words = ("crm", "export", "--for", "hubspot", "--scores", scores, "--out", out)
    told = keepwell(regular, *words, "--channel", "fax")
    assert (told.code, "outreach.fax" in told.json["error"]["message"]) == (2, True)
    assert not out.exists()
    regular.permit("ann", "outreach.fax")
    assert keepwell(regular, *words, "--channel", "fax").code == 0


def test_why_people_were_refused_stands_under_refused(regular: Shop) -> None:
    regular.order("bob", 10)
    lines = keepwell(regular, "score", as_json=False).out.splitlines()
    at = next(number for number, line in enumerate(lines) if "refused" in line)
    assert lines[at + 1].split() == ["no", "record", "1"]


def test_the_weekly_list_is_drawn_and_written(regular: Shop, scores: Path, tmp_path: Path) -> None:
    out = tmp_path / "weekly.html"
    told = keepwell(
        regular, "crm", "weekly", "--scores", scores, "--margin", 90, "--out", out, as_json=False
    )
    assert told.code == 0, told
    assert "at risk among 1 customers" in told.out
    assert "left out: fewer than 5 people." in told.out
    assert "ann" in out.read_text()
    assert out.stat().st_mode & 0o777 == 0o600


def test_without_a_file_everyone_is_scored_now_and_no_file_is_left(regular: Shop) -> None:
    told = keepwell(regular, "crm", "weekly", "--margin", 90)
    assert told.code == 0, told
    assert not list(regular.keepwell.home.var.glob("weekly*"))


def test_a_list_of_another_kind_is_refused(regular: Shop, scores: Path) -> None:
    told = keepwell(regular, "crm", "weekly", "--scores", scores, "--out", "list.pdf")
    assert told.code == 2


def test_a_playbook_says_what_the_mode_made_of_it(regular: Shop, scores: Path) -> None:
    told = keepwell(regular, "playbooks", "run", "personal_note", "--scores", scores)
    assert told.code == 0, told
    assert (told.json["mode"], told.json["proposed"]) == ("observe", 0)
