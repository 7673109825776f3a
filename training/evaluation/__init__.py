"""How good scores are: every figure with its interval, beside rules, costs and champion."""
