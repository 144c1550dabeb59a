"""The faults, by what they strike. Each function makes one happen and says how that was seen.

A function puts its files, makes the fault, ends it, and lets the chain recover by its own means;
where the design leaves that to a person, it does what the person would do. It raises
TrialError when the fault did not come about: a fault that strikes nothing proves nothing.
"""
