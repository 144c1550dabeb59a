"""What judging costs: the forecast of a call and the budget of a day."""
