"""What could be done for a customer, as a person wrote it down, and all that is checked of it."""
