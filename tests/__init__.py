"""The tests of Chip, one file per module, beside the real parts they run against."""
