"""The messages the service sends, as the OpenAPI document describes them to their receiver."""

from typing import Any

from serving.interventions.delivery.messages import MESSAGES


def webhooks(schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe every type of message; what it holds is added to the document's `schemas`."""
    return {kind: _webhook(kind, schemas) for kind in MESSAGES}


def _webhook(kind: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe one type of message as its receiver meets it (Standard Webhooks)."""
    model = MESSAGES[kind]
    prefix = "#/components/schemas/Message"
    data = model.model_json_schema(by_alias=True, ref_template=prefix + "{model}")
    parts = data.pop("$defs", {}) | {model.__name__: data}
    schemas |= {
        f"Message{name}": {**each, "title": f"Message{name}"} for name, each in parts.items()
    }
    message = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"$ref": prefix + model.__name__},
        },
    }
    about = (model.__doc__ or "").strip()
    return {
        "post": {
            "operationId": "receive_" + kind.replace(".", "_"),
            "summary": about.split("\n")[0].rstrip("."),
            "description": about,
            "security": [],
            "parameters": [
                _signed("webhook-id", "The message's own id, the same at every attempt."),
                _signed("webhook-timestamp", "When this attempt was made: seconds since 1970."),
                _signed(
                    "webhook-signature",
                    "`v1,` and the base64 of HMAC-SHA256 over id, timestamp and body, joined by "
                    "dots, with the secret that follows `whsec_`; several are parted by spaces.",
                ),
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": message}}},
            "responses": {
                "2XX": {"description": "Taken. Anything else is tried again for some three days."},
                "410": {"description": "Never send here again."},
            },
        }
    }


def _signed(name: str, about: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"name": name, "in": "header", "required": True, "description": about, "schema": schema}
