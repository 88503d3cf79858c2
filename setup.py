"""The one thing pyproject.toml cannot say: every package found under fomm/, plus three top-level data folders."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["fomm*"]), "fomm._config", "fomm._checkpoints", "fomm._demo"])
