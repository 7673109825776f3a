"""Forms without a login: sent from a page of this service, or not taken."""

from urllib.parse import urlsplit

from fastapi import Request

from serving.access.sessions import ForeignForm

_OURS = frozenset({"same-origin", "none"})


def require_own_page(request: Request) -> None:
    """Pass for what a browser says came from a page of ours; raises `ForeignForm` otherwise.

    Browsers say it in `Sec-Fetch-Site` over https and on this machine, and in `Origin` elsewhere.
    """
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", ""))
    ours = site in _OURS if site is not None else origin.netloc == request.headers.get("host")
    if not ours:
        raise ForeignForm(
            "this form was not sent from a page of this service",
            hint="load the page again and send the form from there",
        )


def refuse_other_sites(request: Request) -> None:
    """Pass for a page of ours and for a program, which names no site; raises `ForeignForm`."""
    if "origin" in request.headers or "sec-fetch-site" in request.headers:
        require_own_page(request)
