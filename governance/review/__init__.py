"""Models before their reviewers: submitted, signed, serving or not."""
