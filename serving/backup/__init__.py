"""One file that holds a home as it was at one instant, and a home made from such a file.

`take` writes it beside a running service, `restore` makes an empty place into that home again.
The archive is a plain tar: tables as Parquet, files as they lie, and a manifest with the digest of
each. The journal of what people asked for is not in it: it lies elsewhere, and is replayed.
"""
