"""What is said of a mirror: how it is, whether that is well, what its watching cannot see."""
