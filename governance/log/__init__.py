"""The signed log, the decisions it commits to, and the journal that outlives a restore."""
