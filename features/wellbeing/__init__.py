"""How people are faring, per dimension and as one index, with how sure that is.

A scheme says which signals speak for a dimension; noise and spread are learned from everyone; a
person's state is an estimate with an interval, or "not enough signal".
"""
