"""What has changed from one interpretation of a survey to another."""
