"""What was decided: its page, its replay, and bringing back every no after a restore."""
