"""Bytes as they stand in JSON: base64."""


def decoded_size(text: str) -> int:
    """How many bytes a sound base64 text stands for, without decoding it."""
    whole = len(text) - text.count("\n") - text.count("\r")
    return whole * 3 // 4 - text.count("=", -2)
