"""Events become histories, histories become features, features become datasets.

Every event has two clocks, `occurred_at` and `known_at`; what may be used at `as_of` is exactly
`occurred_at < as_of and known_at < as_of`. One kernel computes every feature, for a million
customers in a batch or for one in a request.
"""
