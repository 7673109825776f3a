"""The ground: who permitted what, what was done, and whether a model may serve.

`consent` says who permits what, `log` what was done, `fairness` and `model` how evenly and how
well a model does, `disclosure` what may be shown of groups, `signing` and `review` who lets it
serve; `audit` draws the report they read. `proof` holds the tokens that only the code that checks
can make. This floor reads and writes only its own tables, through a connection it is handed; it
never opens a database, reads a clock or looks at an environment variable.
"""
