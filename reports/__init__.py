"""Figures, tables and the self-contained HTML report. Drawing takes computed values only."""
