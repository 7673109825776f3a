"""What a training run came to, and whether it may be put before a reviewer."""
