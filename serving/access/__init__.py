"""Who may call: bearer keys, the sessions of staff, and what binds a key to its row."""
