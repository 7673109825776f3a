"""What a history's own kinds of event suggest as features, one room per question asked of it.

`phrases` holds the words, `samples` what a history's events look like; the others give definitions.
"""
