"""Byte-pair encoding: tokenizing, the text of tokens, and learning merges."""
