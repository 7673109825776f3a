"""What a CRM needs of Keepwell: fields to hold a score, files to upload, the weekly list."""
