"""Field definitions: names within each system's limits, shapes its importer takes."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from features.labels import Target
from serving.crm.fields import CUSTOMER, Field, fields_of, score_fields
from serving.crm.hubspot import write_hubspot
from serving.crm.salesforce import NAMESPACE, write_salesforce
from serving.settings import Settings
from tests.serving.crm.guide import ROOT

CHURN = Settings().declared_targets()[0]["churn"]
FIELDS = fields_of([CHURN], ["email"])
_IN = f"{{{NAMESPACE}}}"
NAMES = [
    "churn", "next_need", "a", "x" * 80, "Kündigung", "does-not-renew", "9lives", "__",
    "wellbeing_decline_of_the_month",
]  # fmt: skip


def named(name: str) -> tuple[Field, ...]:
    return fields_of([Target(name=name, kind="given")], ["email", "sms", "in_app"])


def definition(folder: Path, name: str) -> dict[str, str]:
    path = folder / f"force-app/main/default/objects/Contact/fields/{name}.field-meta.xml"
    root = ElementTree.fromstring(path.read_text())
    assert root.tag == f"{_IN}CustomField"
    return {each.tag.removeprefix(_IN): each.text or "" for each in root}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_fits_salesforce(name: str) -> None:
    for field in named(name):
        inside = field.salesforce().removesuffix("__c")
        assert len(inside) <= 40
        assert re.fullmatch(r"[A-Za-z](?!.*__)[A-Za-z0-9_]*[A-Za-z0-9]", inside), inside
        assert len(field.label) <= 40


@pytest.mark.parametrize("name", NAMES)
def test_every_name_fits_hubspot(name: str) -> None:
    for field in named(name):
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,99}", field.hubspot())


def test_targets_that_look_alike_get_fields_of_their_own() -> None:
    alike = ["renewal-of-the-contract-a", "renewal-of-the-contract-b", "renewal_of_the_contract_a"]
    names = [
        {field.salesforce() for field in score_fields(Target(name=each, kind="given"))}
        for each in alike
    ]
    assert not names[0] & names[1]
    assert not names[0] & names[2]


def test_a_probability_is_a_percent_field_in_salesforce(tmp_path: Path) -> None:
    write_salesforce(FIELDS, tmp_path)
    found = definition(tmp_path, "Keepwell_Churn_Probability__c")
    assert (found["type"], found["precision"], found["scale"]) == ("Percent", "5", "2")


def test_the_key_is_a_unique_external_id_in_salesforce(tmp_path: Path) -> None:
    write_salesforce(FIELDS, tmp_path)
    found = definition(tmp_path, CUSTOMER.salesforce())
    assert (found["externalId"], found["unique"], found["caseSensitive"]) == ("true",) * 3


def test_a_flag_has_the_default_salesforce_asks_for(tmp_path: Path) -> None:
    write_salesforce(FIELDS, tmp_path)
    found = definition(tmp_path, "Keepwell_May_Email__c")
    assert (found["type"], found["defaultValue"]) == ("Checkbox", "false")
    assert "required" not in found


def test_the_manifest_names_every_field_and_who_may_see_it(tmp_path: Path) -> None:
    write_salesforce(FIELDS, tmp_path)
    package = ElementTree.fromstring((tmp_path / "package.xml").read_text())
    members = [each.text for each in package.iter(f"{_IN}members")]
    inside = tmp_path / "force-app/main/default/permissionsets"
    upload = ElementTree.fromstring((inside / "Keepwell_Upload.permissionset-meta.xml").read_text())
    editable = [
        each.findtext(f"{_IN}field")
        for each in upload.iter(f"{_IN}fieldPermissions")
        if each.findtext(f"{_IN}editable") == "true"
    ]
    every = [f"Contact.{field.salesforce()}" for field in FIELDS]
    assert members == [*every, "Keepwell_Read", "Keepwell_Upload"]
    assert editable == every


def test_hubspot_gets_one_group_and_properties_in_it(tmp_path: Path) -> None:
    group, properties = write_hubspot(FIELDS, tmp_path)
    inputs = json.loads(properties.read_text())["inputs"]
    assert {each["groupName"] for each in inputs} == {json.loads(group.read_text())["name"]}
    told = {each["name"]: (each["type"], each["fieldType"]) for each in inputs}
    assert told["keepwell_churn_probability"] == ("number", "number")
    assert told["keepwell_churn_expires"] == ("datetime", "date")
    assert told["keepwell_may_email"] == ("bool", "booleancheckbox")
    assert [each["name"] for each in inputs if each["hasUniqueValue"]] == ["keepwell_customer_id"]


def test_hubspot_takes_no_more_than_a_hundred_at_once(tmp_path: Path) -> None:
    targets = [Target(name=f"t{n}", kind="given") for n in range(12)]
    files = write_hubspot(fields_of(targets, ["email"]), tmp_path)
    sizes = [len(json.loads(path.read_text())["inputs"]) for path in files[1:]]
    assert sizes == [100, 23]


@pytest.mark.parametrize(
    ("write", "name"), [(write_salesforce, "salesforce"), (write_hubspot, "hubspot")]
)
def test_the_examples_are_what_a_new_home_writes(
    write: Callable[[Sequence[Field], Path], list[Path]], name: str, tmp_path: Path
) -> None:
    kept = ROOT / "examples/crm" / name
    for path in write(FIELDS, tmp_path):
        assert (kept / path.relative_to(tmp_path)).read_text() == path.read_text(), (
            f"keepwell crm fields --for {name} --out examples/crm/{name}"
        )
