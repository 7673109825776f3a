"""Does a model treat groups of people alike? Counts, gaps, proxies, what narrows them."""
