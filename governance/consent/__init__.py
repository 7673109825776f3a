"""Who permits what: purposes and what carries them, notices, the append-only record, receipts."""
