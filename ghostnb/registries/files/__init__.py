"""What is in an image's layers: read as the bytes come, never extracted."""
