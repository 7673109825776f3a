"""Messages from the outbox to whoever contacts the customer, by signed webhook or e-mail."""
