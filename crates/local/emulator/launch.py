"""Starts the emulator (ministack), after giving it what it lacks."""

import json
import os
import signal
import socketserver
import sys
import threading

# Its Lambda Runtime API sends headers and body apart: with Nagle's algorithm each invocation waits 40 ms.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

import cbor2  # noqa: E402
from ministack.app import main  # noqa: E402
from ministack.core import iam_actions  # noqa: E402
from ministack.core.responses import get_account_id, get_region  # noqa: E402
from ministack.services import apigateway_v1, budgets  # noqa: E402
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS  # noqa: E402


def with_condition_keys(request_tag_context):
    """Add cloudwatch:namespace, under which the emitter's role may publish, and iam:PolicyARN, which the lock's may attach."""

    def context(service, action, body, parameters):
        keys = request_tag_context(service, action, body, parameters)
        if action == "cloudwatch:PutMetricData":
            keys["cloudwatch:namespace"] = metric_namespace(body, parameters)
        if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
            keys["iam:policyarn"] = (parameters.get("PolicyArn") or [None])[0]
        return keys

    return context


def metric_namespace(body, parameters):
    """The namespace that a request of any of CloudWatch's three protocols names."""
    if body.startswith(b"{"):
        return json.loads(body).get("Namespace")
    if "Namespace" in parameters:
        return parameters["Namespace"][0]
    return cbor2.loads(body).get("Namespace")


iam_actions.request_tag_context = with_condition_keys(iam_actions.request_tag_context)


def with_numbers(respond):
    """Turn the limits of a usage plan into the API's numbers: templates and patches write them as text."""

    def response(plan, *arguments, **options):
        for limits in (plan.get("throttle"), plan.get("quota")) if isinstance(plan, dict) else ():
            for name in {"rateLimit", "burstLimit", "limit"} & set(limits or ()):
                limits[name] = float(limits[name]) if name == "rateLimit" else int(limits[name])
        return respond(plan, *arguments, **options)

    return response


apigateway_v1._v1_response = with_numbers(apigateway_v1._v1_response)


def create_budget(_logical_id, properties, _stack_name):
    """Create the budget of an AWS::Budgets::Budget; answer its physical id and attributes."""
    budget = dict(properties["Budget"])
    limit = budget.get("BudgetLimit")
    if limit:
        # CloudFormation's number is the API's string.
        budget["BudgetLimit"] = limit | {"Amount": str(limit["Amount"])}
    notifications = properties.get("NotificationsWithSubscribers", [])
    request = {"Budget": budget, "NotificationsWithSubscribers": notifications}
    status, _headers, body = budgets._create_budget(request)
    if status >= 400:
        raise ValueError(f"AWS::Budgets::Budget: {json.loads(body).get('Message', body)}")
    return budget["BudgetName"], {}


def update_budget(physical_id, _old, properties, stack_name, logical_id=None):
    """Make the budget anew: the API updates a budget and its notifications only apart."""
    delete_budget(physical_id, properties)
    return create_budget(logical_id, properties, stack_name)


def delete_budget(physical_id, _properties):
    """Delete the budget; one that is gone already is no error."""
    budgets._delete_budget({"BudgetName": physical_id})


# The emulator has AWS Budgets but its CloudFormation does not know the type.
_RESOURCE_HANDLERS["AWS::Budgets::Budget"] = {
    "create": create_budget,
    "update": update_budget,
    "delete": delete_budget,
}



def create_vector_bucket(logical_id, properties, stack_name):
    """Name a vector bucket; answer its ARN, which is its physical id, and its attributes."""
    name = properties.get("VectorBucketName") or f"{stack_name}-{logical_id}-vectors".lower()
    arn = f"arn:aws:s3vectors:{get_region()}:{get_account_id()}:bucket/{name}"
    return arn, {"VectorBucketArn": arn}


def create_vector_index(logical_id, properties, stack_name):
    """Name an index of vectors; answer its ARN, which is its physical id, and its attributes."""
    bucket = properties.get("VectorBucketArn")
    if not bucket:
        raise ValueError("AWS::S3Vectors::Index: the local stack finds the bucket by VectorBucketArn")
    name = properties.get("IndexName") or f"{stack_name}-{logical_id}".lower()
    arn = f"{bucket}/index/{name}"
    return arn, {"IndexArn": arn}


def delete_vectors(_physical_id, _properties):
    """Nothing is kept here: the provider stand-in keeps the vectors, as long as the stack runs."""


# The emulator has no S3 Vectors. What the template asks for is noted, and the stand-in serves it.
_RESOURCE_HANDLERS["AWS::S3Vectors::VectorBucket"] = {"create": create_vector_bucket, "delete": delete_vectors}
_RESOURCE_HANDLERS["AWS::S3Vectors::Index"] = {"create": create_vector_index, "delete": delete_vectors}


def end_with_the_supervisor():
    """Stop when standard input ends: a supervisor that was killed can stop nothing any more."""
    sys.stdin.buffer.read()
    os.killpg(os.getpgrp(), signal.SIGTERM)


if __name__ == "__main__":
    if os.environ.get("STOP_WITH_STDIN"):
        threading.Thread(target=end_with_the_supervisor, daemon=True).start()
    sys.exit(main())
