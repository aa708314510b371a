"""What ReplyOnStopWords is made of."""
