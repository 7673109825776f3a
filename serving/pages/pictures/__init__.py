"""Pictures, drawn as SVG files of their own that know light and dark.

Matplotlib draws them and writes style into them, which our pages' policy does not let through
inside a page: each picture has its own address, and the page shows it with what it says in words.
"""
