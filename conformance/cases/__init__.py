"""The making of cases: which parameters are drawn, and which values their arrays hold."""
