"""From a dataset to an evaluated, explained, audited candidate model in a bundle of plain files.

The only floor that knows MLflow.
"""
