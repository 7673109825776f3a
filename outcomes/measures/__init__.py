"""What a company sees of its customers as a whole: every measure, by period and by group.

`catalogue` is the table of all measures with their definitions, one module per family holds them as
data (what is counted, in SQL over the events table), `events` brings visible events into that
table, `engine` counts, `estimate` puts an interval on every figure, `cells` hides what would give
small groups away. No rows come out; every figure states its numerator, denominator and window.
"""
