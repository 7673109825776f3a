"""Weekly and quarterly reports: what a home's figures say, on one page and as JSON."""
