"""Whether someone may be contacted at all: permission, caps, quiet hours, the mode in force."""
