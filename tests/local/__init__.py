"""Tests of what runs the pipeline on one machine."""
