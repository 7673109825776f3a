"""Whether the models that serve still hold."""
