"""Own data in: a company's file, read through its mapping, becomes one segment of history.

`mapping` says what the file's columns mean, `source` opens it, `staging` turns lines into events
or sets them aside with a reason, `identity` compares them with what is known, `run` does it all
and `publishing` makes it count.
"""
