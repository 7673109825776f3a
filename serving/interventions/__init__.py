"""From a score to a message that the customer agreed to receive, and a holdout to prove it by.

playbooks say what could be done, policy decides and gives a `Clearance`, holdout randomises,
outbox keeps the message in the same transaction as the decision, webhook or e-mail delivers it.
"""
