"""Run by the Python of an app's environment: what is measured beside the apps, and their inputs."""
