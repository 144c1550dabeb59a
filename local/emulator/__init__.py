"""The emulated AWS: ministack, with the parts of AWS that our workflow needs and it leaves out.

Runs in an environment of its own (`local/requirements.txt`), so nothing here may import from the
rest of the project.
"""
