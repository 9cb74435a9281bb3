"""What a failure looks like: a known bug, a convention that was not declared, or where and how it is wrong."""
