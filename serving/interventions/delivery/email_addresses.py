"""E-mail addresses: read strictly, written so that every mail server understands them.

An address is somebody's own: it stands in no error, log or list.
"""

import re
import unicodedata
from typing import NamedTuple

import idna

from governance.errors import InvalidInput

_LONGEST = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
_LONGEST_LOCAL = 64
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class EmailAddress(NamedTuple):
    """One address: what stands before the @, and the domain in the letters of ASCII."""

    local: str
    domain: str

    @property
    def text(self) -> str:
        """The address as mail servers take it."""
        return f"{self.local}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only servers that speak SMTPUTF8 (RFC 6531) can deliver to it."""
        return not self.local.isascii()


def parse_address(text: str) -> EmailAddress:
    """Read one address without a name; an international domain is written in ASCII (RFC 5891).

    Quoted local parts, comments, lists, control characters and domains of one label are refused:
    raises `InvalidInput`, which does not repeat what was given.
    """
    plain = unicodedata.normalize("NFC", text.strip())
    local, at, domain = plain.rpartition("@")
    problem = ""
    if not at or not local or not domain:
        problem = "it has nothing before or after an @"
    elif any(unicodedata.category(each)[0] in "CZ" for each in plain):
        problem = "it holds a space or a control character"
    elif not _is_local(local):
        problem = "what stands before the @ is not one word of an address"
    if not problem:
        try:
            ascii_domain = idna.encode(domain, uts46=True).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError):
            ascii_domain = ""
        labels = ascii_domain.split(".")
        if len(labels) < 2 or not all(_LABEL.fullmatch(each) for each in labels):
            problem = "what stands after the @ is not a domain"
        elif len(local.encode()) > _LONGEST_LOCAL or len(local) + len(ascii_domain) >= _LONGEST:
            problem = "it is longer than addresses can be"
        else:
            return EmailAddress(local, ascii_domain)
    raise InvalidInput(
        f"an e-mail address was expected, but {problem}", hint="write it as name@example.com"
    )


def _is_local(local: str) -> bool:
    """Whether it is a dot-atom (RFC 5322); letters beyond ASCII count as letters (RFC 6532)."""
    return bool(_ATOM.fullmatch("".join(each if each.isascii() else "a" for each in local)))
