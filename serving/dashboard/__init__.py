"""What the company's dashboard shows: figures taken beforehand, kept, and read by pages.

`look` takes them all, for every segment and period at once, once a day or when asked; `shelf` keeps
and reads them. A page, a CSV file and the API show the same cells and no other, so that nothing can
be worked out by asking differently.
"""
