"""One pass over two trees: read, decide, weigh, apply; and what the user wants of it."""
