"""Who is left alone for a while, drawn by lot, and the experiments the draws belong to."""
