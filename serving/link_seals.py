"""The seal on links people follow without a login: what a token says, nobody else can have written.

A token is its parts and a keyed digest of them, joined by `~`; its first part names the kind of
link, so that a link of one kind is never taken for one of another.
"""

import hmac
from collections.abc import Sequence

from governance.pseudonym import keyed_token
from serving.keys import HomeKeys

_DIGEST_LENGTH = 32  # hex digits: 128 bits


def seal(keys: HomeKeys, kind: str, parts: Sequence[str]) -> str:
    """Write the token of a link of this kind; the parts hold no `~`, except for the last."""
    body = "~".join([kind, *parts])
    return f"{body}~{_digest(keys, body)}"


def unseal(keys: HomeKeys, kind: str, token: str) -> list[str] | None:
    """Give the parts of a token of this kind; None when the seal does not fit."""
    body, _, digest = token.rpartition("~")
    if not hmac.compare_digest(digest.encode(), _digest(keys, body).encode()):
        return None
    found, *parts = body.split("~")
    return parts if found == kind else None


def _digest(keys: HomeKeys, body: str) -> str:
    return keyed_token(keys.links, "link", body)[:_DIGEST_LENGTH]
