"""The main job on a laboratory network, told to whoever watches, with a report at the end."""
