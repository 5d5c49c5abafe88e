"""Carrying out a plan: stage by stage (`apply`), in what order and how fast, and what ends it."""
