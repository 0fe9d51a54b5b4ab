"""What `pellucid train` and `pellucid predict` do: settings and files in, networks, run files and tables out.

`settings` says what can be chosen, `sources` and `inputs` turn files into arrays, `builder` makes the
network, `training_run` trains it, `prediction` uses it. The command line only parses, calls and prints.
"""
