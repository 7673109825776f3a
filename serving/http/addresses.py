"""Which methods an address takes."""

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Route


def allowed_at(app: FastAPI, path: str) -> str:
    """Name the methods an address takes, as in the header `Allow`; empty where nothing is."""
    found: set[str] = set()
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Route) and route.path_regex.match(path):
            found |= route.methods or set()
    if "GET" in found:
        found.add("HEAD")
    return ", ".join(sorted(found))
