"""What pages without a key share: languages a reader wants, small forms, and answers in HTML."""

from collections.abc import Sequence
from urllib.parse import parse_qs

from fastapi import Request
from starlette.responses import HTMLResponse

from governance.errors import InvalidInput

LONGEST_FORM = 32_768
"""Bytes of a form: 2,000 characters of any script take 24,000 as a browser sends them."""


def read_form(body: bytes) -> dict[str, str]:
    """Read a small form; what is sent twice counts once."""
    if len(body) > LONGEST_FORM:
        raise InvalidInput("the form is larger than any of ours")
    try:
        found = parse_qs(body.decode("ascii"), strict_parsing=bool(body), max_num_fields=20)
    except ValueError:
        raise InvalidInput("the form cannot be read") from None
    return {name: values[-1] for name, values in found.items()}


def wanted_locales(request: Request, lang: str) -> tuple[str, ...]:
    """Give the languages a reader wants: the one the link names, then those of the browser."""
    wanted = []
    for number, each in enumerate(request.headers.get("accept-language", "")[:200].split(",")):
        name, _, weight = each.partition(";q=")
        try:
            wanted.append((-float(weight or "1"), number, name.strip()))
        except ValueError:
            continue
    ordered = [name for _, _, name in sorted(wanted) if name not in ("", "*")]
    return tuple([lang, *ordered] if lang else ordered)


def page(
    html: str,
    *,
    status: int = 200,
    embed_origins: Sequence[str] = (),
    script: bool = False,
) -> HTMLResponse:
    """Answer with a page of ours: nothing from elsewhere, kept by nobody, found by no search.

    Only the company's own sites among `embed_origins` may show it inside theirs.
    """
    ancestors = " ".join(("'self'", *embed_origins)) if embed_origins else "'none'"
    scripts = "script-src 'self'; connect-src 'self'; " if script else ""
    policy = (
        f"default-src 'none'; style-src 'self'; {scripts}img-src 'self' data:; "
        f"base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "X-Robots-Tag": "noindex, nofollow",
        "Vary": "Accept-Language",
    }
    return HTMLResponse(html, status, headers)
