"""The reference of everything that has a name, written as Markdown from the code itself.

One module per subject: commands, features, measures, the API, Python. `book` knows where each page
lies under `docs/`; `python -m serving.reference` writes them (`make docs`).
"""
