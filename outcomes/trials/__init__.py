"""What experiments of playbooks changed: plain functions of the histories of drawn people."""
