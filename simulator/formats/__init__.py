"""Schedules and traces of other tools: GOAL, Chakra."""
