"""Admission plugins, one pure decision each."""
