"""What fills the pages of staff: plain values in, HTML out."""
