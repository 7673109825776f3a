"""People's words on their data, as they come in: one at a time, from a file, from a page."""
