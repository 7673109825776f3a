"""A made-up company whose truth is known: hazards, well-being, effects, seasons, wrong rows.

`company.simulate` gives the tables of a small one for demo and tests; `stream.write_stream` writes
one of any size in bounded memory.
"""
