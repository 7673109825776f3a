"""A company's own labels of texts, and the model learned from them."""
