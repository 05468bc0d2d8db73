"""Single sections without a survey: what their neighbours say, training, interpretation."""
