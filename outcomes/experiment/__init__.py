"""Any randomised test in a table: read, checked, analysed and written down."""
