"""What a person is shown of a proposed contact before they decide on it."""
