"""The live tour of a demo: event, score, reason, permission, intervention, outcome, really done.

A visitor follows one made-up customer. `cast` says who there is, `walk` how far a visitor came,
`acts` do what a button says, by the functions everybody else calls, and `sights` are what there is
to see of it. Nothing here opens in a home that is not a demo.
"""
