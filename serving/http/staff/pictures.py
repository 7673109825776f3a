"""How a picture is answered: by itself, with its own policy, since it holds its own style."""

from fastapi import Response

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_SHORT = "private, max-age=300"


def picture(svg: bytes, *, about_somebody: bool) -> Response:
    """Answer with an SVG file; one about somebody is kept by no cache."""
    kept = "no-store" if about_somebody else _SHORT
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": kept}
    return Response(svg, media_type="image/svg+xml", headers=headers)
