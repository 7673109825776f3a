"""The report a reviewer reads, section by section, and the model card."""
