"""Whose keys may sign, who vouches for them, and what exactly a review signs."""
