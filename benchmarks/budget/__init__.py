"""By how much a cap on judge spending is passed, when many workers reach it at once."""
