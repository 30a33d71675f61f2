"""Checks that each environment of samconfig.toml sets only parameters that the template has, to values that they take.

usage: check_samconfig.py TEMPLATE SAMCONFIG
"""

import re
import sys
import tomllib

from samtranslator.yaml_helper import yaml_parse

ENVIRONMENTS = ("dev", "staging", "prod")


def faults(parameters, environment, overrides):
    for override in overrides:
        name, _, value = override.partition("=")
        parameter = parameters.get(name)
        if parameter is None:
            yield f"{environment}: the template has no parameter {name}"
        elif not takes(parameter, value):
            yield f"{environment}: {name} does not take {value!r}"


def takes(parameter, value):
    allowed = parameter.get("AllowedValues")
    if allowed is not None and value not in map(as_text, allowed):
        return False
    if parameter["Type"] == "Number" and not within(parameter, value):
        return False
    pattern = parameter.get("AllowedPattern")
    return pattern is None or re.fullmatch(pattern, value) is not None


def as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def within(parameter, value):
    try:
        number = float(value)
    except ValueError:
        return False
    return float(parameter.get("MinValue", "-inf")) <= number <= float(parameter.get("MaxValue", "inf"))


def main():
    template_path, config_path = sys.argv[1:]
    with open(template_path, encoding="utf-8") as template:
        parameters = yaml_parse(template.read())["Parameters"]
    with open(config_path, "rb") as config:
        sections = tomllib.load(config)
    found = [
        text
        for environment in ENVIRONMENTS
        for text in faults(parameters, environment, sections[environment]["deploy"]["parameters"]["parameter_overrides"])
    ]
    print(*found, f"{len(ENVIRONMENTS)} environments of {config_path} checked", sep="\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
