"""Pages for people: templates and the code that fills them. Nothing on them is loaded from afar."""
