"""Tests of the dashboard's figures: taking them, keeping them, telling them."""
