"""A person's own past as a yardstick: shrunken means, recent days, the chance of a decline."""
