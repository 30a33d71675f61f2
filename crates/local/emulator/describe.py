"""What the local runner needs to know of a deployed stack, read back from the emulator."""

import json
import re


class DeployError(Exception):
    """What the operator must read."""


def describe(aws, description, endpoint):
    deployed = Deployed(aws, description)
    functions = describe_functions(aws, deployed)
    return {
        "stack": description["StackName"],
        "region": deployed.values["AWS::Region"],
        "endpoint": endpoint,
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]},
        "functions": functions,
        "openapi": describe_api(deployed, functions),
        "api_keys": describe_api_keys(deployed),
        "streams": take_over_streams(aws, deployed),
        "schedules": take_over_schedules(aws, deployed, functions),
        "vector_indexes": describe_vector_indexes(deployed),
    }


class Deployed:
    """The processed template and what its logical ids became."""

    def __init__(self, aws, description):
        stack = description["StackName"]
        template = aws.cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        template = template if isinstance(template, dict) else json.loads(template)
        self.resources = template["Resources"]
        self.conditions = template.get("Conditions", {})
        pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        self.physical_ids = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
        }
        account = description["StackId"].split(":")[4]
        self.values = self.physical_ids | {
            "AWS::StackName": stack,
            "AWS::AccountId": account,
            "AWS::Region": description["StackId"].split(":")[3],
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": None,
        }
        self.values |= {p["ParameterKey"]: p["ParameterValue"] for p in description.get("Parameters", [])}

    def of_type(self, kind):
        """Logical ids of the resources of a type that were made."""
        return sorted(
            name
            for name, resource in self.resources.items()
            if resource["Type"] == kind and name in self.physical_ids
        )

    def resolve(self, node):
        """The node with its intrinsic functions replaced by what they stand for."""
        if isinstance(node, list):
            return [self.resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), *_ = node.items()
            if function == "Ref":
                return self.value(argument)
            if function == "Fn::GetAtt":
                parts = argument.split(".") if isinstance(argument, str) else argument
                return self.value(".".join(parts))
            if function == "Fn::Sub":
                return self.substitute(argument)
            if function == "Fn::If":
                condition, yes, no = argument
                return self.resolve(yes if self.resolve(self.conditions[condition]) else no)
            if function == "Fn::Not":
                return not self.resolve(argument[0])
            if function == "Fn::Equals":
                left, right = self.resolve(argument)
                return str(left) == str(right)
            if function.startswith("Fn::"):
                raise DeployError(f"the template uses {function} where deploy.py does not resolve it")
        return {key: self.resolve(value) for key, value in node.items()}

    def substitute(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = self.resolve(own)
        return re.sub(r"\$\{([^!}]+)\}", lambda match: str(own.get(match[1]) or self.value(match[1])), text)

    def value(self, name):
        if name not in self.values:
            raise DeployError(f"the template names {name}, which the stack does not have")
        return self.values[name]


def describe_functions(aws, deployed):
    functions = {}
    for logical_id in deployed.of_type("AWS::Lambda::Function"):
        name = deployed.physical_ids[logical_id]
        configuration = aws.lambda_.get_function_configuration(FunctionName=name)
        properties = deployed.resources[logical_id]["Properties"]
        # The emulator's CloudFormation leaves this one out.
        concurrency = deployed.resolve(properties.get("ReservedConcurrentExecutions"))
        functions[logical_id] = {
            "name": name,
            "arn": configuration["FunctionArn"],
            "role_arn": configuration["Role"],
            "binary": properties["Code"]["S3Key"].removesuffix(".zip"),
            "environment": configuration.get("Environment", {}).get("Variables", {}),
            "timeout_secs": configuration["Timeout"],
            "memory_mb": configuration["MemorySize"],
            "reserved_concurrency": None if concurrency is None else int(concurrency),
        }
        deployed.values[f"{logical_id}.Arn"] = configuration["FunctionArn"]
    return functions


def describe_api(deployed, functions):
    """The REST API's OpenAPI document; integrations and authorizers name their function under x-tollgate-function."""
    (api,) = deployed.of_type("AWS::ApiGateway::RestApi")
    body = deployed.resolve(deployed.resources[api]["Properties"]["Body"])
    for part, key in find_uris(body):
        arn = part[key].partition("/functions/")[2].rpartition("/")[0]
        part["x-tollgate-function"] = next(name for name, it in functions.items() if it["arn"] == arn)
    return body


def describe_api_keys(deployed):
    """The values of the API keys that belong to a usage plan: what the authorizer may name."""
    planned = {
        deployed.resolve(deployed.resources[key]["Properties"]["KeyId"])
        for key in deployed.of_type("AWS::ApiGateway::UsagePlanKey")
    }
    return [
        deployed.resolve(deployed.resources[key]["Properties"]["Value"])
        for key in deployed.of_type("AWS::ApiGateway::ApiKey")
        if deployed.physical_ids[key] in planned
    ]


def describe_vector_indexes(deployed):
    """The indexes of vectors, which the provider stand-in keeps."""
    indexes = []
    for logical_id in deployed.of_type("AWS::S3Vectors::Index"):
        bucket, _, name = deployed.physical_ids[logical_id].partition(":bucket/")[2].partition("/index/")
        properties = deployed.resources[logical_id]["Properties"]
        if deployed.resolve(properties["DistanceMetric"]) != "cosine":
            raise DeployError(f"the index {logical_id} measures no cosines, which is all that the stand-in does")
        indexes.append({"bucket": bucket, "index": name, "dimension": int(deployed.resolve(properties["Dimension"]))})
    return indexes


def find_uris(node):
    if isinstance(node, list):
        for item in node:
            yield from find_uris(item)
    elif isinstance(node, dict):
        for key in ("uri", "authorizerUri"):
            if key in node:
                yield node, key
        for value in node.values():
            yield from find_uris(value)


def take_over_streams(aws, deployed):
    """Switch the emulator's stream mappings off and describe them."""
    streams = []
    for logical_id in deployed.of_type("AWS::Lambda::EventSourceMapping"):
        uuid = deployed.physical_ids[logical_id]
        mapping = aws.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
        properties = deployed.resources[logical_id]["Properties"]
        on_failure = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        streams.append(
            {
                "id": uuid,
                "function": properties["FunctionName"]["Ref"],
                "stream_arn": mapping["EventSourceArn"],
                "batch_size": mapping["BatchSize"],
                "window_secs": mapping.get("MaximumBatchingWindowInSeconds", 0),
                "bisect": mapping.get("BisectBatchOnFunctionError", False),
                "max_retries": mapping.get("MaximumRetryAttempts", -1),
                "on_failure_bucket": on_failure and on_failure.rpartition(":")[2],
                "partial": "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []),
                "starting_position": mapping["StartingPosition"],
            }
        )
    return streams


def take_over_schedules(aws, deployed, functions):
    """Switch the emulator's schedules off and describe them; without input the event is EventBridge's own."""
    schedules = []
    for logical_id in deployed.of_type("AWS::Events::Rule"):
        name = deployed.physical_ids[logical_id]
        rule = aws.events.describe_rule(Name=name)
        if "ScheduleExpression" not in rule or rule["State"] == "DISABLED":
            continue
        aws.events.disable_rule(Name=name)
        for target in aws.events.list_targets_by_rule(Rule=name)["Targets"]:
            schedules.append(
                {
                    "function": next(key for key, it in functions.items() if it["arn"] == target["Arn"]),
                    "rate_secs": rate_secs(rule["ScheduleExpression"]),
                    "rule_arn": rule["Arn"],
                    "input": json.loads(target["Input"]) if "Input" in target else None,
                }
            )
    return schedules


def rate_secs(expression):
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if not match:
        raise DeployError(f"the schedule {expression} is not a rate, which is all that the local runner keeps")
    return int(match[1]) * {"minute": 60, "hour": 3600, "day": 86400}[match[2]]
