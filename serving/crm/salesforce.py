"""Field definitions for Salesforce: a project whose `package.xml` deploys them.

The shapes are those of the Metadata API's `CustomField` and `PermissionSet`.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from serving.crm.fields import Field

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
API_VERSION = "62.0"
OBJECT = "Contact"
_INSIDE = Path("force-app/main/default")
_READ, _UPLOAD = "Keepwell_Read", "Keepwell_Upload"


def write_salesforce(fields: Sequence[Field], folder: Path) -> list[Path]:
    """Write the project into `folder`; gives the files, in order."""
    written: list[Path] = []
    for place, text in _files(fields):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _files(fields: Sequence[Field]) -> Iterator[tuple[Path, str]]:
    yield Path("sfdx-project.json"), _project()
    yield Path("package.xml"), _text(_package(fields))
    for field in fields:
        place = _INSIDE / f"objects/{OBJECT}/fields/{field.salesforce()}.field-meta.xml"
        yield place, _text(_field(field))
    for name, editable in ((_READ, False), (_UPLOAD, True)):
        place = _INSIDE / f"permissionsets/{name}.permissionset-meta.xml"
        yield place, _text(_permission_set(name, fields, editable))


def _project() -> str:
    told = {
        "packageDirectories": [{"path": "force-app", "default": True}],
        "name": "keepwell-fields",
        "sourceApiVersion": API_VERSION,
    }
    return json.dumps(told, indent=2) + "\n"


def _field(field: Field) -> Element:
    root = Element("CustomField", xmlns=NAMESPACE)
    told: dict[str, str] = {"fullName": field.salesforce()}
    if field.kind == "key":
        told |= {"caseSensitive": "true"}
    if field.kind == "flag":
        told |= {"defaultValue": "false"}
    told |= {"description": field.help, "externalId": _word(field.kind == "key")}
    told |= {"inlineHelpText": field.help, "label": field.label}
    match field.kind:
        case "share":
            told |= {"precision": "5", "required": "false", "scale": "2", "type": "Percent"}
        case "instant":
            told |= {"required": "false", "type": "DateTime"}
        case "flag":
            told |= {"type": "Checkbox"}
        case _:
            told |= {"length": str(field.length), "required": "false", "type": "Text"}
            told |= {"unique": _word(field.kind == "key")}
    for name, value in told.items():
        SubElement(root, name).text = value
    return root


def _package(fields: Sequence[Field]) -> Element:
    root = Element("Package", xmlns=NAMESPACE)
    for kind, members in (
        ("CustomField", [f"{OBJECT}.{field.salesforce()}" for field in fields]),
        ("PermissionSet", [_READ, _UPLOAD]),
    ):
        types = SubElement(root, "types")
        for member in members:
            SubElement(types, "members").text = member
        SubElement(types, "name").text = kind
    SubElement(root, "version").text = API_VERSION
    return root


def _permission_set(name: str, fields: Sequence[Field], editable: bool) -> Element:
    root = Element("PermissionSet", xmlns=NAMESPACE)
    what = "Fill Keepwell's fields: for the upload alone." if editable else "See Keepwell's fields."
    SubElement(root, "description").text = what
    for field in fields:
        given = SubElement(root, "fieldPermissions")
        SubElement(given, "editable").text = _word(editable)
        SubElement(given, "field").text = f"{OBJECT}.{field.salesforce()}"
        SubElement(given, "readable").text = "true"
    SubElement(root, "hasActivationRequired").text = "false"
    SubElement(root, "label").text = name.replace("_", " ")
    return root


def _word(value: bool) -> str:
    return "true" if value else "false"


def _text(root: Element) -> str:
    ElementTree.indent(root, space="    ")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
