"""Property definitions for HubSpot: bodies of its properties API, ready to be posted.

`property-group.json` goes to `POST /crm/v3/properties/contacts/groups`, each `properties-N.json` to
`POST /crm/v3/properties/contacts/batch/create`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving.crm.fields import Field

GROUP = "keepwell"
_AT_ONCE = 100
_TYPES = {
    "key": ("string", "text"),
    "text": ("string", "text"),
    "share": ("number", "number"),
    "instant": ("datetime", "date"),
    "flag": ("bool", "booleancheckbox"),
}


def write_hubspot(fields: Sequence[Field], folder: Path) -> list[Path]:
    """Write the bodies into `folder`; gives the files, in the order they are to be posted."""
    folder.mkdir(parents=True, exist_ok=True)
    group = {"name": GROUP, "label": "Keepwell", "displayOrder": -1}
    bodies: list[tuple[str, Any]] = [("property-group.json", group)]
    for start in range(0, len(fields), _AT_ONCE):
        some = fields[start : start + _AT_ONCE]
        inputs = [_property(field, start + place) for place, field in enumerate(some)]
        bodies.append((f"properties-{start // _AT_ONCE + 1}.json", {"inputs": inputs}))
    written = []
    for name, body in bodies:
        path = folder / name
        path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written


def _property(field: Field, place: int) -> dict[str, Any]:
    kind, shown_as = _TYPES[field.kind]
    between = " A number between 0 and 1." if field.kind == "share" else ""
    told: dict[str, Any] = {
        "name": field.hubspot(),
        "label": field.label,
        "description": field.help + between,
        "groupName": GROUP,
        "type": kind,
        "fieldType": shown_as,
        "displayOrder": place,
        "formField": False,
        "hasUniqueValue": field.kind == "key",
    }
    if field.kind == "flag":
        told["options"] = [
            {"label": "Yes", "value": "true", "displayOrder": 0, "hidden": False},
            {"label": "No", "value": "false", "displayOrder": 1, "hidden": False},
        ]
    return told
