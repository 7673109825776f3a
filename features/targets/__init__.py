"""Targets: what can be predicted, and how its truth is read from histories afterwards.

`target` says what a target is, `declared` how a company states one. Each further module answers one
family of questions: `trade` (orders that come or stay away), `contract`, `reports` (what people say
of themselves, and how they write). `labels` one floor up asks the right one.
"""
