"""The end of a tour: why a demo takes no more acts of visitors."""

from governance.errors import InvalidInput


class TourOver(InvalidInput):
    """The tour of this demo can do no more: it was used very often, or made days ago."""

    code = "tour_over"
