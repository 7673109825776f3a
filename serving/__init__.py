"""Everything that faces outward: settings, wiring, HTTP, pages, command line and interventions."""
