"""From a score to a message that the customer agreed to receive, and a holdout to prove it by.

Rooms in the order of the way through: `playbooks` say what could be done, `policy` who may be
contacted at all, `choosing` who is chosen, `lots` who of them is left alone, `deciding` is where
people say yes or no, `delivery` sends what was queued in the transaction of its decision, and
`surveys` take the answers.
"""
