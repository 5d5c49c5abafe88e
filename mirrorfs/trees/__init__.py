"""The trees themselves: the only input and output on source and destination."""
