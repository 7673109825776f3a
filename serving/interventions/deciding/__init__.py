"""What people do about proposed contacts: look, decide, contest."""
