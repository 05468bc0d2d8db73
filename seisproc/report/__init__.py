"""What a survey and its interpretation look like: pictures, figures, one HTML page."""
