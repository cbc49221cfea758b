"""Real parts on private ports and directories, and scripted people to use them.

Nothing in here knows pytest: tests wrap these objects in fixtures, the benchmark uses them bare.
"""
