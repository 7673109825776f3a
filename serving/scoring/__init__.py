"""Scores with reasons: one customer or everyone, by the model that may serve, or a rule."""
