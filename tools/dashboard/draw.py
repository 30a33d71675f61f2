#!/usr/bin/env python3
"""Draws the deployed dashboard from the local stack's data: target/tools/stack/bin/python tools/dashboard/draw.py FILE.svg

The body is the one that the template has deployed; the data come from CloudWatch's GetMetricData. What the emulator lacks
is done here: metric math, searches, and, over invoke's log, insight rules and log queries.
"""

import argparse
import json
import pathlib
import re
import sys
import time

import boto3
import yaml
from metric_math import MathError, evaluate
from svg import Gauge, Graph, Ranking, Table, Values, picture

SEARCH = re.compile(r"""SEARCH\('\{([^}]*)\} MetricName="([^"]+)"', '(\w+)', (\d+)\)""")
DAYS = re.compile(r"-P(\d+)D")
FILTER = re.compile(r"filter (\S+) = '([^']*)'")


class DrawError(Exception):
    """What the operator must read."""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--state", type=pathlib.Path, default=pathlib.Path("target/local"), help="the stack's folder")
    parser.add_argument("--template", type=pathlib.Path, default=pathlib.Path("template.yaml"))
    parser.add_argument("--minutes", type=int, default=60, help="how far back widgets without a start go")
    return parser.parse_args()


class Source:
    """The local stack's CloudWatch, and the log of its invoke."""

    def __init__(self, arguments):
        state = arguments.state
        pairs = (line.split("=", 1) for line in (state / "env").read_text().splitlines() if "=" in line)
        variables = dict(pairs)
        self.stack = json.loads((state / "stack.json").read_text())["stack"]
        self.cloudwatch = boto3.client(
            "cloudwatch",
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=variables["AWS_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        self.log = read_log(state / "logs/invoke.log")
        self.rules = read_rules(arguments.template, self.stack)
        self.now = int(time.time())
        self.minutes = arguments.minutes

    def body(self):
        return json.loads(self.cloudwatch.get_dashboard(DashboardName=self.stack)["DashboardBody"])

    def data(self, namespace, name, dimensions, stat, span, period):
        metric = {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
        }
        query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}
        answer = self.cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=span[0], EndTime=span[1])
        (result,) = answer["MetricDataResults"]
        pairs = zip(result["Timestamps"], result["Values"], strict=True)
        return {int(stamp.timestamp()) // period * period: value for stamp, value in sorted(pairs)}

    def search(self, expression, span):
        """The series that a search finds: their labels and data."""
        schema, name, stat, period = SEARCH.fullmatch(expression).groups()
        namespace, *keys = schema.split(",")
        pages = self.cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace, MetricName=name)
        found = [[(d["Name"], d["Value"]) for d in metric["Dimensions"]] for page in pages for metric in page["Metrics"]]
        meant = sorted({tuple(sorted(one)) for one in found if {key for key, _ in one} == set(keys)})
        for dimensions in meant:
            label = " ".join(dict(dimensions)[key] for key in keys)
            yield label, self.data(namespace, name, dimensions, stat, span, int(period))


def read_log(path):
    """The lines of a log that are JSON."""
    lines = []
    for line in path.read_text().splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines


def read_rules(template, stack):
    """The bodies of the template's insight rules, by name."""
    yaml.SafeLoader.add_multi_constructor("!", construct)
    resources = yaml.safe_load(template.read_text())["Resources"].values()
    rules = (it["Properties"] for it in resources if it["Type"] == "AWS::CloudWatch::InsightRule")
    fill = lambda words: words.replace("${AWS::StackName}", stack)  # noqa: E731
    return {fill(rule["RuleName"]): json.loads(fill(rule["RuleBody"])) for rule in rules}


def construct(loader, _suffix, node):
    """What stands under a tag of CloudFormation, without the tag."""
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    return loader.construct_mapping(node)


def field(line, path):
    """A field by its path, as rules and queries write it."""
    for name in path.removeprefix("$.").split("."):
        line = line.get(name) if isinstance(line, dict) else None
    return line


def contributors(log, rule, most):
    contribution = rule["Contribution"]
    sums = {}
    for line in log:
        if all(field(line, it["Match"]) in it["In"] for it in contribution["Filters"]):
            key = " ".join(str(field(line, path)) for path in contribution["Keys"])
            sums[key] = sums.get(key, 0) + field(line, contribution["ValueOf"])
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def run_query(log, query):
    """Columns and rows of a log query that filters, sorts, limits and displays."""
    rows, columns = log, []
    for step in (step.strip() for step in query.split("|")[1:]):
        command, _, rest = step.partition(" ")
        if command == "filter":
            path, value = FILTER.fullmatch(step).groups()
            rows = [row for row in rows if field(row, path) == value]
        elif command == "sort":
            path = rest.removesuffix(" desc")
            rows = sorted(rows, key=lambda row: field(row, path) or 0, reverse=rest.endswith(" desc"))
        elif command == "limit":
            rows = rows[: int(rest)]
        elif command == "display":
            # Lines of the local logs have no time.
            columns = [name for name in rest.split(", ") if name != "@timestamp"]
        else:
            raise DrawError(f"unknown in a log query: {command}")
    return [name.removeprefix("fields.") for name in columns], [[str(field(row, it)) for it in columns] for row in rows]


def content_of(widget, source):
    properties = widget["properties"]
    if widget["type"] == "log":
        return Table(*run_query(source.log, properties["query"]))
    if rule := properties.get("insightRule"):
        return Ranking(contributors(source.log, source.rules[rule["ruleName"]], rule["maxContributorCount"]))
    period = properties["period"]
    span = span_of(properties, source, period)
    series = list(series_of(properties, source, span, period))
    if properties["view"] == "timeSeries":
        return Graph(series, span, period, properties)
    last = [(label, data[max(data)]) for label, data, _ in series if data]
    return Gauge(last[0][1], properties["yAxis"]["left"]) if properties["view"] == "gauge" and last else Values(last)


def span_of(properties, source, period):
    days = DAYS.fullmatch(properties.get("start", ""))
    seconds = int(days[1]) * 86_400 if days else source.minutes * 60
    if properties["view"] == "singleValue":
        seconds = max(seconds, period)
    return (source.now - seconds) // period * period, -(-source.now // period) * period


def series_of(properties, source, span, period):
    """Labels, data and sides of what is seen."""
    times = range(span[0], span[1], period)
    named = {}
    for row in properties["metrics"]:
        *path, options = row
        side, label = options.get("yAxis", "left"), options.get("label", "")
        expression = options.get("expression")
        if expression and expression.startswith("SEARCH("):
            yield from ((found, data, side) for found, data in source.search(expression, span))
            continue
        if expression:
            data = evaluate(expression, named, times)
        else:
            namespace, name, *pairs = path
            dimensions = list(zip(pairs[::2], pairs[1::2], strict=True))
            data = source.data(namespace, name, dimensions, options["stat"], span, period)
        named[options.get("id", "")] = data
        if options.get("visible", True):
            yield label, data, side


def main():
    arguments = parse_arguments()
    try:
        source = Source(arguments)
        widgets = [(widget, content_of(widget, source)) for widget in source.body()["widgets"]]
        arguments.out.write_text(picture(f"{source.stack}: the local stack's data", widgets))
    except (DrawError, MathError, OSError) as error:
        sys.exit(f"draw: {error}")


if __name__ == "__main__":
    main()
