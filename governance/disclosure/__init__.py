"""What may be shown of groups so that no sum or difference tells of a few people."""
