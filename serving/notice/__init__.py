"""What a contacted person can find out, and do about it: why, from which data, and how to stop.

Two halves. Whoever holds the link of a message reads what is the same for everyone the playbook
reached, and can stop things. What is about the person needs a code that was sent to them.
"""
