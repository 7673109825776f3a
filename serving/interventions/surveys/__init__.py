"""Answers to the surveys that playbooks ask."""
