"""What people write: how it sounds, which emotions and topics it names, offline and versioned.

Languages no word list knows are not measured. Reading someone's text for its mood needs a permit
for `wellbeing_inference`; quoting it needs one for `research_text`.
"""
