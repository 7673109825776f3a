"""The difference between arms drawn by lot: estimates, intervals, looks, power, verdicts."""
