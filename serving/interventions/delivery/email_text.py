"""One queued message as an e-mail: plain text and simple HTML, a way to stop, no tracking.

The same message is the same e-mail at every attempt but for its `Date`: the `Message-ID` is made of
the message's id. Nothing is loaded from anywhere when it is opened.
"""

import json
import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from serving.interventions.delivery.email_addresses import EmailAddress
from serving.interventions.delivery.email_words import email_words

_LONGEST_NAME = 100


class Sender(NamedTuple):
    """Whom e-mails come from, and where answers go: to a person."""

    address: EmailAddress
    name: str = ""
    reply_to: EmailAddress | None = None
    language: str = "en"


class Links(NamedTuple):
    """The links of one e-mail; empty where there is none. `headers` are those of RFC 8058."""

    survey: str
    why: str
    stop: str
    headers: dict[str, str]


class _Policy(EmailPolicy):
    """Leaves links in headers as they are: Python would encode a long one, and break it."""

    def fold(self, name: str, value: str) -> str:
        return self._as_it_is(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self._as_it_is(name, value).encode() or super().fold_binary(name, value)

    def _as_it_is(self, name: str, value: str) -> str:
        is_link = name.lower() == "list-unsubscribe" and value.isascii()
        return f"{name}: {value}{self.linesep}" if is_link else ""


_POLICY = _Policy(linesep="\r\n", cte_type="7bit")


def compose(
    message_id: str, body: str, *, sender: Sender, to: EmailAddress, now: datetime
) -> EmailMessage:
    """Write the e-mail of a queued message; `body` is its JSON as it stands in the outbox.

    Subject and text come from its `message`, the links from `survey`, `why` and `stop`, the words
    around them from its `language`. Line breaks in a subject or a name become spaces, so neither
    can add a header.
    """
    data = json.loads(body)["data"]
    subject, text = one_line(data["message"]["subject"]), data["message"]["body"].strip()
    links = _links(data)
    words = email_words(data.get("language"), otherwise=sender.language)
    mail = EmailMessage(policy=_POLICY.clone(utf8=to.needs_smtputf8))
    mail["From"] = _header(sender.address, one_line(sender.name)[:_LONGEST_NAME])
    mail["To"] = _header(to)
    if sender.reply_to is not None:
        mail["Reply-To"] = _header(sender.reply_to)
    mail["Subject"] = subject
    mail["Date"] = now.astimezone(UTC)
    mail["Message-ID"] = f"<{message_id}@{sender.address.domain}>"
    for name, value in links.headers.items():
        mail[name] = value
    parts = [text]
    parts += [f"{words.survey}\n{links.survey}"] if links.survey else []
    small = [f"{words.why}\n{links.why}"] if links.why else []
    small += [f"{words.stop}\n{links.stop}"] if links.stop else []
    parts += ["_" * 40, *small] if small else []
    mail.set_content("\n\n".join(parts) + "\n", charset="utf-8")
    html = _template().render(
        subject=subject,
        paragraphs=[each.splitlines() for each in re.split(r"\n\s*\n", text)],
        words=words,
        **{name: getattr(links, name) for name in ("survey", "why", "stop")},
    )
    mail.add_alternative(html, subtype="html", charset="utf-8")
    mail.set_boundary(f"=={message_id}==")
    return mail


def one_line(text: str) -> str:
    """Give a text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _links(data: dict[str, Any]) -> Links:
    urls = {name: (data.get(name) or {}).get("url", "") for name in ("survey", "why", "stop")}
    return Links(**urls, headers=(data.get("stop") or {}).get("headers", {}))


def _header(address: EmailAddress, name: str = "") -> Address:
    return Address(display_name=name, username=address.local, domain=address.domain)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("serving.interventions.delivery", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("email.html.j2")
