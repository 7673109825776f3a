"""Whether a model that serves still holds: what drifted, what to expect, what came true."""
