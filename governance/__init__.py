"""The ground: who permitted what, what was done, and whether a model may serve.

Permission registry, random person ids, append-only ledger, fairness audit, model card, gate and
review. This floor reads and writes only its own tables, through a connection it is handed; it
never opens a database, reads a clock or looks at an environment variable.
"""
