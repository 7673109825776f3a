"""The emotional journey map: how people fare at each stage and touchpoint, over groups of people.

`stages` says where an event belongs, `table` brings the events together, `samples` asks it what
each person adds to a figure, `map` decides what may be shown, and `worst` which stage stands out.
"""
