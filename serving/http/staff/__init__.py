"""HTTP: the pages of staff, behind a session that was opened with a key."""
