"""The audit report as it stands today: what was judged then, what is known now."""
