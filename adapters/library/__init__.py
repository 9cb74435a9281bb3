"""The built-in adapters: one small file an implementation, its name with hyphens is the adapter's.

Rules of this folder: a file declares what it needs as constants and imports its framework inside functions, so that
`assay list` can read it where the framework is missing. An adapter renames, reshapes and casts; numerical work of
its own is a defect in it. A convention or a precision is declared only where it was measured, with the reason.
"""
