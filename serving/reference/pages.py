"""The page of every address that staff open in a browser, with the scopes that open it."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from fastapi.routing import APIRoute

from serving.http.staff.routers import STAFF_ROUTERS
from serving.http.staff.visit import Staff
from serving.pages.staff.frame import SECTIONS
from serving.reference.markdown import code, table


class Address(NamedTuple):
    """One address of the staff pages; any of `scopes` opens it, with all of `also`.

    Without any it opens to whoever is logged in.
    """

    method: str
    path: str
    does: str
    scopes: tuple[str, ...]
    also: tuple[str, ...]
    asks_session: bool

    @property
    def part(self) -> str:
        """The part of the pages it belongs to."""
        return self.path.split("/")[2] if self.path.count("/") > 1 else ""


def page() -> str:
    """Give the Markdown page."""
    titles = {each.name: each.title for each in SECTIONS}
    found = sorted(addresses(), key=lambda each: (each.part, each.path, each.method))
    lines = [
        "# Every address of the staff pages",
        "",
        "Written by `make docs` from the routes themselves. [The pages for staff](../pages.md) "
        "says how they are opened and what protects them. A POST is a form of the page before it. "
        "What a page besides tells of somebody's scores, texts or contacts is left out for a key "
        "without the scope of those.",
    ]
    for part, group in groupby(found, key=lambda each: each.part):
        title = titles.get(part) or (part[0].upper() + part[1:] if part else "The first page")
        lines += ["", f"## {title.replace('-', ' ')}", ""]
        lines += table(
            ("address", "does", "opened by"),
            ((code(f"{each.method} {each.path}"), each.does, _opened(each)) for each in group),
        )
    return "\n".join(lines) + "\n"


def addresses() -> Iterator[Address]:
    """Give every address of every staff page, in the order they are tried."""
    for router in STAFF_ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                asked = [each.call for each in route.dependant.dependencies]
                staff = next((each for each in asked if isinstance(each, Staff)), None)
                for method in sorted(route.methods or ()):
                    yield Address(
                        method,
                        route.path,
                        (route.description or "").split("\n")[0].rstrip("."),
                        staff.scopes if staff else (),
                        staff.also if staff else (),
                        staff is not None,
                    )


def _opened(address: Address) -> str:
    if address.scopes:
        return " and ".join((" or ".join(map(code, address.scopes)), *map(code, address.also)))
    return "whoever is logged in" if address.asks_session else "everybody"
