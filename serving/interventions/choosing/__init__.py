"""Whom to contact by what: candidates judged, chosen within the limits, drawn and written down."""
