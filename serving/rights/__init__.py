"""What people may ask for, who answers, how long things are kept, and how that went over time."""
