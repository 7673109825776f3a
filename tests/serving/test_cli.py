"""The command line as people meet it: what it says, its exit codes, and what it leaves alone."""

import io
import json
import shutil
import sqlite3
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from features.simulate.company import CompanyFiles, simulate, write_company
from serving.cli import main
from training.bundle import load

ORDERS = """kunde;bestellt;betrag;beleg
A1;2025-01-03 10:00;12.50;B1
A1;2025-02-03 10:00;1.234,50;B2
A2;2025-02-30 10:00;7;B3
;2025-02-03 10:00;7;B4
A3;2131-02-03 10:00;7;B5
A3;2025-03-03 02:30;7;B6
"""
MAPPING = """[source]
path = "orders.csv"
timezone = "Europe/Berlin"
delimiter = ";"
[customer]
id = "kunde"
[[event]]
kind = "order"
id = "beleg"
occurred_at = "bestellt"
value = "betrag"
currency = "EUR"
"""


class Told(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; fails if there is more than one, or none."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """What went wrong, from the document on standard output."""
        assert self.code in (1, 2), self
        assert "Traceback" not in self.err
        found = self.json["error"]
        assert isinstance(found, dict)
        assert "unexpected" not in found["message"], self
        return found


class Commands:
    """Calls `keepwell` in this process, with one home."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *words: object, typed: str = "") -> Told:
        return self.call(["--home", str(self.home), "--json", *map(str, words)], typed)

    def plain(self, *words: object, typed: str = "") -> Told:
        return self.call(["--home", str(self.home), *map(str, words)], typed)

    def call(self, words: list[str], typed: str) -> Told:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "argv", ["keepwell", *words])
            patched.setattr("serving.scoring.champions.probe", load)  # not in a process of its own
            patched.setattr("serving.logs.log_to_stderr", lambda: None)  # for the whole process
            patched.setattr(sys, "stdin", io.StringIO(typed))
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                main()
        return Told(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture
def shop(tmp_path: Path) -> Commands:
    """Give an empty production home, with a small German export and its mapping beside it."""
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (tmp_path / "orders.toml").write_text(MAPPING, encoding="utf-8")
    made = Commands(tmp_path / "home")
    assert made("init").json["kind"] == "production"
    return made


class Company(NamedTuple):
    """A simulated company with a trained model that Grace approved; `yes` permit scoring."""

    kw: Commands
    files: CompanyFiles
    trained: Told
    model: str
    key: str
    scores: Path
    yes: list[str]
    no: list[str]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    files = write_company(simulate(400, 3, end=datetime(2026, 6, 1, tzinfo=UTC)), folder / "files")
    kw = Commands(folder / "home")
    office = kw("init").json["enrolment_key"]
    with (kw.home / "keepwell.toml").open("a", encoding="utf-8") as settings:
        settings.write("[gate]\nmax_ece = 1\nmin_auc_over_baseline_low = -1.0\n")
    for mapping in files.mappings:
        assert kw("import", mapping).code == 0
    assert kw("consent", "import", files.permissions).code == 0
    trained = kw("train", "churn", "--horizon-days", 30, "--trials", 1, "--author", "Ada")
    model = trained.json["model_digest"]
    grace = ("--scope", "audit:sign", "--owner", "Grace", "--enrolment-key", office)
    key = kw("keys", "create", *grace).json["key"]
    signed = kw("review", "approve", model[:12], "--key", key, "--reason", "read it")
    assert signed.json["reviewer"] == "Grace", signed
    scores = folder / "scores.parquet"
    assert kw("score", "--out", scores).code == 0
    batch = pd.read_parquet(scores)
    yes = sorted(batch.loc[batch["status"] == "scored", "customer_id"])
    everyone = pd.read_csv(folder / "files" / "customers.csv")["customer_id"]
    no = sorted(set(everyone) - set(batch["customer_id"]))
    return Company(kw, files, trained, model, key, scores, yes, no)


# the door


def test_a_word_that_is_no_command_is_wrong_use(tmp_path: Path) -> None:
    told = Commands(tmp_path)("frobnicate")
    assert (told.code, told.error["code"]) == (2, "usage")


def test_a_misspelt_command_names_the_nearest(tmp_path: Path) -> None:
    told = Commands(tmp_path)("trian")
    assert told.error["message"] == "There is no command 'trian'. Did you mean train?"


@pytest.mark.parametrize("option", ["--json", "--home"])
def test_an_option_of_every_command_says_that_it_stands_before_it(
    tmp_path: Path, option: str
) -> None:
    told = Commands(tmp_path)("settings", option)
    assert f"put {option} right after keepwell" in told.error["message"]


@pytest.mark.parametrize("command", ["score", "ledger verify", "review list", "outcomes measures"])
def test_where_there_is_no_home_it_says_how_to_make_one(tmp_path: Path, command: str) -> None:
    told = Commands(tmp_path)(*command.split())
    assert (told.code, told.error["code"]) == (2, "not_found")
    assert f"keepwell --home {tmp_path} init" in told.error["hint"]


def test_without_json_an_error_is_a_sentence_on_standard_error(tmp_path: Path) -> None:
    told = Commands(tmp_path).plain("score")
    assert (told.code, told.out) == (2, "")
    assert "is not a Keepwell home" in told.err
    assert "→ make one with" in told.err


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = Commands(tmp_path / "file" / "home")("init")
    assert told.code == 2
    assert str(tmp_path / "file") in told.error["message"]


# init


def test_a_home_keeps_its_kind(shop: Commands) -> None:
    assert shop("init").code == 0
    assert "not an evaluation one" in shop("init", "--evaluation").error["message"]


@pytest.mark.parametrize("wrong", [("--timezone", "Mars/Olympus"), ("--currency", "euro")])
def test_wrong_settings_make_no_home(tmp_path: Path, wrong: tuple[str, str]) -> None:
    told = Commands(tmp_path / "new")("init", *wrong)
    assert told.error["code"] == "configuration"
    assert wrong[0].removeprefix("--") in told.error["problems"][0]
    assert not (tmp_path / "new").exists()


def test_a_file_that_cannot_be_guessed_makes_no_home(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    told = Commands(tmp_path / "new")("init", tmp_path / "odd.csv", "--yes")
    assert "there are a, b" in told.error["message"]
    assert not (tmp_path / "new").exists()


def test_nothing_is_imported_before_a_yes(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("customer,date,total\nA1,2025-01-02,5\n")
    kw = Commands(tmp_path / "new")
    assert kw("init", tmp_path / "o.csv").json["import"] is None
    declined = kw.plain("init", tmp_path / "o.csv", typed="n\n")
    assert "nothing was imported" in declined.err
    assert kw("init", tmp_path / "o.csv", "--yes").json["import"]["events_written"] == 1


def test_too_short_a_history_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("customer,date,total\nA1,2025-01-02,5\n")
    told = Commands(tmp_path / "new")("init", tmp_path / "o.csv", "--evaluation", "--yes")
    assert (told.code, told.json["backtest"]) == (0, None)
    assert told.json["sentence"].startswith("Too little to back-test")


# import


def test_bad_lines_are_set_aside_with_number_and_reason(shop: Commands, tmp_path: Path) -> None:
    told = shop("import", tmp_path / "orders.toml").json
    assert (told["rows_read"], told["events_written"], told["rejected"]) == (6, 2, 4)
    assert Path(told["rejects_file"]).read_text().splitlines() == [
        "line,event,reason,column",
        "2,order,non-numeric value,value",
        "3,order,unparsable time,occurred_at",
        "4,order,no customer,customer.id",
        "5,order,future time,occurred_at",
    ]


def test_a_dry_run_writes_nothing_and_a_second_import_changes_nothing(
    shop: Commands, tmp_path: Path
) -> None:
    mapping = tmp_path / "orders.toml"
    dry = shop("import", mapping, "--dry-run").json
    assert (dry["events_written"], dry["dry_run"], dry["rejects_file"]) == (2, True, None)
    assert shop("import", mapping).json["events_written"] == 2
    again = shop("import", mapping).json
    assert (again["events_written"], again["duplicates"], again["conflicts"]) == (0, 2, 0)


def test_a_known_id_with_other_content_is_a_conflict(shop: Commands, tmp_path: Path) -> None:
    shop("import", tmp_path / "orders.toml")
    other = tmp_path / "changed.csv"
    other.write_text(ORDERS.replace("12.50", "99"))
    told = shop("import", tmp_path / "orders.toml", "--source", other).json
    assert (told["events_written"], told["conflicts"]) == (0, 1)


def test_a_time_without_zone_is_rejected_where_none_is_stated(
    shop: Commands, tmp_path: Path
) -> None:
    (tmp_path / "z.toml").write_text(MAPPING.replace('timezone = "Europe/Berlin"\n', ""))
    told = shop("import", tmp_path / "z.toml").json
    assert told["reasons"]["naive time without a zone"] == 4


def test_all_mistakes_of_a_mapping_come_at_once(shop: Commands, tmp_path: Path) -> None:
    (tmp_path / "five.toml").write_text(
        MAPPING.replace("Berlin", "Berln")
        .replace('id = "kunde"', 'id = "client"')
        .replace('"order"', '"consent_changed"')
        .replace('"betrag"', '"betrag *"')
        + "colour = 3\n"
    )
    problems = shop("import", tmp_path / "five.toml").error["problems"]
    for said in (
        "'Europe/Berln' is not a known time zone",
        "there is no column client",
        "only Keepwell writes consent_changed",
        "it ends too early",
        "'colour' is not known here",
    ):
        assert any(said in each for each in problems), (said, problems)


def test_a_survey_answer_off_its_scale_is_rejected(shop: Commands, tmp_path: Path) -> None:
    (tmp_path / "s.tsv").write_text("cust\twhen\tscore\nA1\t2025-01-05T10:00:00Z\t9\n")
    (tmp_path / "s.toml").write_text(
        '[source]\npath = "s.tsv"\n[customer]\nid = "cust"\n[[event]]\nkind = "survey"\n'
        'instrument = "csat"\noccurred_at = "when"\nvalue = "score"\n'
    )
    assert shop("import", tmp_path / "s.toml").json["reasons"] == {"wrong scale": 1}


@pytest.mark.parametrize("name", ["empty.csv", "noise.parquet", "noise.csv.gz", "orders.toml"])
def test_a_file_that_cannot_be_read_is_named(shop: Commands, tmp_path: Path, name: str) -> None:
    if name != "orders.toml":
        (tmp_path / name).write_bytes(b"\x00\xff" * 500 if "noise" in name else b"")
    told = shop("import", tmp_path / "orders.toml", "--source", tmp_path / name)
    assert name in told.error["message"]


# permission


def grant(kw: Commands, purpose: str, mechanism: str = "checkbox_ticked", *more: str) -> Told:
    said = ("--mechanism", mechanism, "--evidence", "form 7", *more)
    return kw("consent", "grant", "anna@example.org", purpose, *said)


@pytest.mark.parametrize("mechanism", ["pre_ticked", "bundled", "clause 4 of the contract"])
def test_a_yes_that_is_no_act_of_its_own_is_refused(shop: Commands, mechanism: str) -> None:
    told = grant(shop, "risk_scoring", mechanism)
    assert (told.code, "not an affirmative act" in told.error["message"]) == (2, True)
    assert "anna" not in told.out + told.err


def test_there_is_no_yes_to_everything(shop: Commands) -> None:
    assert "names one purpose" in grant(shop, "all").error["message"]


def test_a_yes_needs_evidence(shop: Commands) -> None:
    told = shop("consent", "grant", "A1", "risk_scoring", "--mechanism", "button")
    assert (told.code, told.error["code"]) == (2, "usage")


def test_a_yes_that_permits_nothing_yet_says_so(shop: Commands) -> None:
    told = grant(shop, "wellbeing_inference")
    assert (told.code, told.json["granted"]) == (1, 0)
    assert told.json["reasons"] == {"wellbeing_inference": "not_explicit"}
    assert grant(shop, "wellbeing_inference", "button", "--explicit").json["granted"] == 1


def test_withdrawing_needs_nothing_but_who_and_what(shop: Commands) -> None:
    grant(shop, "risk_scoring")
    told = shop("consent", "withdraw", "anna@example.org", "risk_scoring")
    assert (told.code, told.json["outcome"]) == (0, "withdrawn")
    shown = shop("consent", "show", "anna@example.org").json
    assert shown["reasons"]["risk_scoring"] == "withdrawn"
    assert [each["state"] for each in shown["history"]] == ["given", "withdrawn"]


def test_every_recorded_word_has_a_receipt(shop: Commands) -> None:
    grant(shop, "risk_scoring")
    assert "@context" in shop("consent", "receipt", "anna@example.org").json
    assert shop("consent", "receipt", "bert").error["code"] == "not_found"


def test_answers_come_in_once_and_bad_ones_hold_up_nobody(shop: Commands, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(
        "customer_id,purpose,state,occurred_at,mechanism,evidence\n"
        "A1,risk_scoring,given,2025-01-01,button,form 1\n"
        "A2,risk_scoring,given,2025-01-01,pre-ticked,form 2\n"
        "A3,risk_scoring,given,soon,button,form 3\n"
    )
    first = shop("consent", "import", file).json
    assert (first["granted"], first["refused"]) == (1, 2)
    again = shop("consent", "import", file).json
    assert (again["recorded"], again["known"]) == (0, 1)


# training and review


def test_training_ends_at_a_candidate_with_its_figures(company: Company) -> None:
    told = company.trained.json
    assert (company.trained.code, told["alias"]) == (0, "candidate")
    assert told["gate"]["outcome"] == "approved"
    assert {"recency", "rfm_logistic"} <= set(told["baselines"])
    assert told["test"]["auc"]["low"] < told["test"]["auc"]["value"] < told["test"]["auc"]["high"]


def test_without_permitted_history_nothing_is_trained(shop: Commands, tmp_path: Path) -> None:
    shop("import", tmp_path / "orders.toml")
    told = shop("train", "churn")
    assert (told.code, told.error["code"]) == (1, "insufficient_data")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--test-as-of", "2040-01-01"), 2),
        (("--test-as-of", "32.13.2024"), 2),
        (("--test-as-of", "2010-01-01"), 2),
        (("--horizon-days", "0.5"), 2),
        (("--exclude", "no_such_feature"), 2),
    ],
)
def test_training_refuses_what_cannot_be_done(
    company: Company, words: tuple[str, str], code: int
) -> None:
    told = company.kw("train", "churn", *words)
    assert (told.code, bool(told.error["message"])) == (code, True)


def test_an_unknown_target_is_answered_with_those_there_are(company: Company) -> None:
    assert "there is churn" in company.kw("train", "boredom").error["message"]


def test_a_review_needs_a_key_a_reason_and_another_person(company: Company) -> None:
    kw, model = company.kw, company.model
    assert "none was given" in kw("review", "approve", model).error["message"]
    assert (
        "not one of Keepwell's keys"
        in kw("review", "approve", model, "--key", "x").error["message"]
    )
    assert "reason" in kw("review", "approve", model, "--key", company.key).error["message"]
    ada = kw("keys", "create", "--scope", "audit:sign", "--owner", "Ada").json["key"]
    own = kw("review", "approve", model, "--key", ada, "--reason", "mine")
    assert (own.code, own.error["code"]) == (1, "permission_refused")
    crm = kw("keys", "create", "--scope", "score:read").json["key"]
    assert kw("review", "approve", model, "--key", crm, "--reason", "x").code == 1


def test_what_the_gate_refused_nobody_can_approve(company: Company) -> None:
    with pytest.MonkeyPatch.context() as strict:
        strict.setenv("KEEPWELL_GATE__MIN_AUC_OVER_BASELINE_LOW", "0.9")
        refused = company.kw("train", "churn", "--horizon-days", 30, "--trials", 1, "--seed", 9)
    assert (refused.code, refused.json["gate"]["outcome"]) == (1, "refused")
    told = company.kw(
        *("review", "approve", refused.json["model_digest"], "--key", company.key),
        *("--reason", "please"),
    )
    assert (told.code, told.error["code"]) == (1, "gate_refused")
    assert told.error["reasons"]


def test_the_audit_report_is_written_on_request(company: Company) -> None:
    told = company.kw("audit", company.model[:12]).json
    assert Path(told["report_html"]).stat().st_size < 400_000
    assert told["model_digest"] == company.model
    page = Path(told["report_html"]).read_text(encoding="utf-8")
    assert "Grace approved it" in page
    assert not any(customer in page for customer in (*company.yes, *company.no))
    assert str(company.kw.home) not in page
    assert company.kw("audit", "verify", told["report_json"]).json["outcome"] == "intact"


# scores


def test_a_permitted_customer_gets_a_score_with_reasons(company: Company) -> None:
    told = company.kw("score", company.yes[0]).json
    (result,) = told["results"]
    score = result["scores"]["churn"]
    assert (told["scored"], result["model_digest"]) == (1, company.model)
    assert score["low"] <= score["probability"] <= score["high"]
    assert len(score["reasons"]) == 3


def test_who_did_not_permit_it_and_who_is_unknown_are_refused(company: Company) -> None:
    told = company.kw("score", company.no[0], "nobody").json
    assert (told["scored"], told["refused"]) == (0, 2)


def test_an_id_is_shown_as_it_is_spelt(shop: Commands) -> None:
    assert "a[/]b" in shop.plain("score", "a[/]b").out


def test_after_a_withdrawal_the_next_score_is_refused(company: Company) -> None:
    who = company.yes[1]
    assert company.kw("score", who).json["scored"] == 1
    company.kw("consent", "withdraw", who, "risk_scoring")
    assert company.kw("score", who).json["results"][0]["reason"] == "withdrawn"


def test_as_of_selects_knowledge(company: Company) -> None:
    told = company.kw("score", company.yes[0], "--as-of", "2026-01-01").json
    assert told["as_of"] == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "words", [("--target", "boredom"), ("--as-of", "soon"), ("--out", "s.csv"), ("",)]
)
def test_wrong_use_of_score_is_said_in_words(company: Company, words: tuple[str, ...]) -> None:
    assert company.kw("score", *words).error["message"]


def test_without_an_approved_model_everyone_cannot_be_scored(shop: Commands) -> None:
    told = shop("score")
    assert (told.code, "no model is approved" in told.error["message"]) == (1, True)


def test_a_decision_replays_and_has_its_page(company: Company) -> None:
    made = company.kw("score", company.yes[0]).json["results"][0]["decision_id"]
    assert company.kw("replay", made).json["outcome"] == "same"
    assert Path(company.kw("dossier", made).json["html"]).exists()
    assert company.kw("replay", "nothing").error["code"] == "not_found"


def test_random_scores_are_laid_beside_ours(company: Company, tmp_path: Path) -> None:
    theirs = pd.read_parquet(company.scores, columns=["customer_id"])
    theirs["score"] = range(len(theirs))
    theirs.to_parquet(tmp_path / "theirs.parquet")
    told = company.kw("evaluate", "--scores", tmp_path / "theirs.parquet").json
    assert told["difference"]["high"] < 0
    assert told["verdict"].startswith("theirs are not distinguishable from chance")
    assert told["verdict"].endswith("ours rank better")
    assert {sign["outcome"] for sign in told["signs"]} <= {"fine", "cannot_say"}
    assert told["not_scored"] == 0


@pytest.mark.parametrize("fault", ["column", "text", "twice", "strangers", "csv"])
def test_scores_that_cannot_be_compared_are_refused(
    company: Company, tmp_path: Path, fault: str
) -> None:
    theirs = pd.read_parquet(company.scores, columns=["customer_id"]).assign(score=0.5)
    file = tmp_path / "theirs.parquet"
    if fault == "column":
        theirs = theirs.rename(columns={"score": "x"})
    elif fault == "text":
        theirs["score"] = "high"
    elif fault == "twice":
        theirs = pd.concat([theirs, theirs])
    elif fault == "strangers":
        theirs["customer_id"] = "Z" + theirs["customer_id"]
    theirs.to_csv(file) if fault == "csv" else theirs.to_parquet(file)
    assert "theirs.parquet" in company.kw("evaluate", "--scores", file).error["message"]


def test_the_feature_table_has_a_row_per_customer_and_instant(
    company: Company, tmp_path: Path
) -> None:
    out = tmp_path / "features.parquet"
    told = company.kw("features", "build", "--as-of", "2026-01-01", "--out", out).json
    assert told["rows"] == len(pd.read_parquet(out)) > 0


# log, rights, keys


def test_the_log_verifies_also_against_a_head_from_before(company: Company, tmp_path: Path) -> None:
    head = tmp_path / "head.json"
    head.write_text(company.kw("ledger", "head").out)
    company.kw("score", company.yes[0])
    told = company.kw("ledger", "verify", "--head", head)
    assert (told.code, told.json["outcome"]) == (0, "intact")


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "{}",
        "[]",
        '{"seq": 1e999, "link": "", "signature": ""}',
        pytest.param("[" * 200_000, id="deep"),
    ],
)
def test_what_is_no_head_is_said_to_be_none(shop: Commands, tmp_path: Path, text: str) -> None:
    (tmp_path / "head.json").write_text(text)
    told = shop("ledger", "verify", "--head", tmp_path / "head.json")
    assert "ledger head" in told.error["message"]


def test_a_log_cut_short_is_found(shop: Commands, tmp_path: Path) -> None:
    grant(shop, "risk_scoring")
    shutil.copytree(shop.home, tmp_path / "yesterday")
    grant(shop, "model_training")
    (tmp_path / "head.json").write_text(shop("ledger", "head").out)
    shutil.rmtree(shop.home)
    shutil.copytree(tmp_path / "yesterday", shop.home)
    told = shop("ledger", "verify", "--head", tmp_path / "head.json")
    assert (told.code, told.json["outcome"]) == (1, "truncated")


def test_a_decision_edited_behind_the_log_is_named(shop: Commands) -> None:
    shop("score", "nobody")
    [decision] = [each["decision_id"] for each in shop("score", "nobody").json["results"]]
    with closing(sqlite3.connect(shop.home / "var" / "keepwell.db")) as raw:
        raw.execute("UPDATE decisions SET outcome = 'scored' WHERE decision_id = ?", (decision,))
        raw.commit()
    told = shop("ledger", "verify")
    assert (told.code, told.json["changed_decisions"]) == (1, [decision])


def test_the_erased_stay_out_whatever_is_imported_again(company: Company, tmp_path: Path) -> None:
    kw, who = company.kw, company.yes[2]
    assert kw("rights", "export", who, "--out", tmp_path / "new" / "all.json").code == 0
    assert json.loads((tmp_path / "new" / "all.json").read_text())["events"]
    assert "--yes" in kw("rights", "erase", who).error["hint"]
    assert kw("rights", "erase", who, "--yes").json["outcome"] == "erased"
    for mapping in company.files.mappings:
        assert kw("import", mapping).json["events_written"] == 0
    again = kw("consent", "import", company.files.permissions).json
    assert (again["recorded"], "erased" in " ".join(again["reasons"])) == (0, True)
    assert kw("score", who).json["results"][0]["reason"] == "suppressed"
    assert kw("rights", "export", who).json["events"] == []


def test_an_objection_stops_scoring(company: Company) -> None:
    company.kw("rights", "object", company.yes[3])
    assert company.kw("score", company.yes[3]).json["results"][0]["reason"] == "objected"


def test_erasing_asks_first_and_a_stranger_is_not_found(shop: Commands) -> None:
    assert shop.plain("rights", "erase", "nobody", typed="n\n").code == 130
    assert shop("rights", "erase", "nobody", "--yes").error["code"] == "not_found"


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(shop: Commands) -> None:
    made = shop("keys", "create", "--scope", "score:read", "--owner", "crm").json
    listed = shop("keys", "list")
    assert made["key"].split("_", 2)[2] not in listed.out
    assert shop("keys", "revoke", made["id"]).code == 0
    assert shop("keys", "list").json["keys"][0]["revoked_at"]
    assert shop("keys", "revoke", "nothing").error["code"] == "not_found"
    assert "score:read" in shop("keys", "create", "--scope", "everything").error["hint"]


# acting and proving


def test_mistakes_of_playbooks_come_at_once(shop: Commands, tmp_path: Path) -> None:
    assert len(shop("playbooks", "check").json["playbooks"]) >= 3
    (tmp_path / "p.toml").write_text('[[playbook]]\nname = "x"\nfoo = 1\nbar = 2\n')
    assert len(shop("playbooks", "check", tmp_path / "p.toml").error["problems"]) >= 2


def test_a_playbook_is_tried_out_without_acting(company: Company, tmp_path: Path) -> None:
    told = company.kw("playbooks", "simulate", "personal_note", "--scores", company.scores).json
    assert told["mode"] == "observe"  # a new home observes: a run would contact nobody
    assert told["chosen"]
    assert "mode_observe" not in told["reasons"]
    (tmp_path / "odd.parquet").write_text("no scores")
    odd = company.kw("playbooks", "simulate", "personal_note", "--scores", tmp_path / "odd.parquet")
    assert "not a file of scores" in odd.error["message"]


def test_measures_have_intervals_and_hide_small_cells(company: Company) -> None:
    found = {each["name"]: each for each in company.kw("outcomes", "measures").json["measures"]}
    assert found["retention"]["value"]["low"] < found["retention"]["value"]["high"]
    assert found["ces_ease_mean"]["value"] is None
    assert "needs survey events" in found["ces_ease_mean"]["note"]
    backwards = company.kw("outcomes", "measures", "--start", "2026-01-01", "--end", "2025-01-01")
    assert backwards.error["code"] == "invalid_input"


def test_a_lift_that_cannot_be_said_ends_with_one(company: Company) -> None:
    told = company.kw("outcomes", "lift", "personal_note")
    assert (told.code, told.json["verdict"]) == (1, "cannot say")


def test_any_randomised_test_is_analysed(company: Company) -> None:
    def analyse(*words: str) -> Told:
        return company.kw("experiment", "analyse", company.files.pilot, *words)

    told = analyse("--arm", "arm", "--control", "holdout", "--outcome", "retained").json
    assert len(told["arms"]) == 2
    assert (
        "has no column"
        in analyse(*("--arm", "group", "--control", "holdout", "--outcome", "retained")).error[
            "message"
        ]
    )
    assert (
        "not among the 2 arms"
        in analyse(*("--arm", "arm", "--control", "nobody", "--outcome", "retained")).error[
            "message"
        ]
    )


# doctor


def test_the_doctor_says_what_to_do_next(shop: Commands, tmp_path: Path) -> None:
    checks = {each["name"]: each for each in shop("doctor").json["checks"]}
    assert checks["history"]["advice"].startswith("keepwell import")
    nowhere = Commands(tmp_path / "nowhere")("doctor")
    assert (nowhere.code, nowhere.json["checks"][-1]["outcome"]) == (1, "missing")


def test_compacting_tells_what_it_did_and_the_doctor_what_lies_where(shop: Commands) -> None:
    mapping, source = shop.home / "orders.toml", shop.home / "orders.csv"
    mapping.write_text(
        f"[source]\npath = '{source}'\ntimezone = 'UTC'\n[customer]\nid = 'client'\n"
        "[[event]]\nkind = 'order'\noccurred_at = 'day'\n"
    )
    source.write_text("client,day\nann,2026-01-02\nbob,2026-01-03\n")
    assert shop("import", mapping).code == 0
    done = shop("compact")
    assert (done.code, done.json["events"], done.json["segments_after"]) == (0, 0, 1)
    assert set(done.json) == {"events", "segments_before", "segments_after", "swept", "seconds"}
    checks = {each["name"]: each for each in shop("doctor").json["checks"]}
    assert checks["history"]["found"].startswith("2 customers, 2 events")
    files = checks["history files"]
    assert files["found"] == "1 segment in 1 file, 0 live events in none yet"
    assert (files["outcome"], files["advice"]) == ("ok", "")


def test_a_mistake_in_the_settings_is_named_with_its_place(shop: Commands) -> None:
    with (shop.home / "keepwell.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[targets.churn]\nhorizon = 3\n")
    [problem] = shop("score").error["problems"]
    assert problem.startswith("targets.churn.horizon: there is no such setting; did you mean hori")
