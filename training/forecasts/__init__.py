"""What comes with an event that a target foretells: how much it is worth, and of what kind it is.

Fitting, the plain models that serve, and how near both came.
"""
