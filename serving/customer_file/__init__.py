"""One customer as staff see them, part by part: each part is read with the permission it needs.

Nothing here tells a customer who may not be shown from one nobody knows.
"""
