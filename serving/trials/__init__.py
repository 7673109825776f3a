"""What experiments of playbooks showed: lift, looks while they run, return, measurement plans."""
