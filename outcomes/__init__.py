"""Did it help? Measures, lift and return on investment as plain functions of histories."""
