"""Parts of Chip beside plain models of them, in any order of events that Hypothesis thinks of.

The suite tries a few orders, the same ones each time;
`pytest --hypothesis-profile=long tests/models` tries many others.
"""
