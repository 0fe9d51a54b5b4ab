"""The work behind the commands: settings and files in; networks, run files and tables out.

`settings` declares what can be chosen, `rows` and `inputs` turn files into arrays, `builder` makes the
network, `training_run` trains it, and `prediction` uses it. `pellucid.cli` only parses, calls and prints.
"""
