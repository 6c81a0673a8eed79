"""Predicts the price of a seat on a shuttle."""

__version__ = "0.1"
