"""Whether every judge model that there is gives verdicts, and what finding out how costs."""
