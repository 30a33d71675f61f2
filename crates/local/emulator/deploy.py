"""Deploys template.yaml into the emulator and writes what the local runner needs to know of it.

The template goes through the emulator's own CloudFormation and SAM transform; only each CodeUri is replaced, as
`sam package` does. The emulator's own stream mapping and schedules are switched off, because the runner drives both.
"""

import argparse
import io
import json
import os
import pathlib
import re
import shlex
import sys
import time
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from describe import DeployError, describe

BUCKET = "tollgate-artifacts"
CODE_URI = re.compile(r"(?m)^(\s+CodeUri: )target/lambda/([a-z-]+)/$")
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
DEADLINE_SECS = 60


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="URL of the emulator")
    parser.add_argument("--stack", required=True, help="name of the stack")
    parser.add_argument("--template", required=True, type=pathlib.Path)
    parser.add_argument("--binaries", required=True, type=pathlib.Path, help="directory of the functions' executables")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="where to write stack.json")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="parameter of the template")
    return parser.parse_args()


class Aws:
    """Clients of the emulator, made when first used."""

    def __init__(self, endpoint, region):
        self._arguments = {
            "endpoint_url": endpoint,
            "region_name": region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(retries={"total_max_attempts": 1}, connect_timeout=2, s3={"addressing_style": "path"}),
        }
        self._session = boto3.Session()

    def __getattr__(self, service):
        client = self._session.client(service.rstrip("_"), **self._arguments)
        setattr(self, service, client)
        return client


def package(template_text, binaries, s3):
    """Upload a zip for each function and answer the template that names them, and binaries by CodeUri."""

    def upload(match):
        prefix, binary = match.groups()
        executable = (binaries / binary).resolve()
        if not os.access(executable, os.X_OK):
            raise DeployError(f"{executable} is missing: build the functions first")
        key = f"{binary}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=zip_bootstrap(executable))
        return f"{prefix}s3://{BUCKET}/{key}"

    packaged, count = CODE_URI.subn(upload, template_text)
    if count == 0:
        raise DeployError("the template has no CodeUri of the form target/lambda/<name>/")
    return packaged


def zip_bootstrap(executable):
    """A zip whose bootstrap runs the executable where it lies, so that a redeploy copies nothing large."""
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, f"#!/bin/sh\nexec {shlex.quote(str(executable))}\n")
    return buffer.getvalue()


def deploy(aws, stack, template, parameters):
    """Create or update the stack and wait for it; answer its description."""
    aws.s3.put_object(Bucket=BUCKET, Key="template.yaml", Body=template.encode())
    request = {
        "StackName": stack,
        "TemplateURL": f"{aws.s3.meta.endpoint_url}/{BUCKET}/template.yaml",
        "Parameters": parameters,
        "Capabilities": CAPABILITIES,
    }
    try:
        aws.cloudformation.create_stack(**request)
    except aws.cloudformation.exceptions.AlreadyExistsException:
        update(aws.cloudformation, request)
    return wait(aws.cloudformation, stack)


def update(cloudformation, request):
    try:
        cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise


def wait(cloudformation, stack):
    deadline = time.monotonic() + DEADLINE_SECS
    while True:
        description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        status = description["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise DeployError(f"stack {stack} is still {status} after {DEADLINE_SECS} s")
        time.sleep(0.05)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        reasons = failures(cloudformation, stack) or [description.get("StackStatusReason", "no reason given")]
        raise DeployError("\n  ".join([f"stack {stack} is {status}:", *reasons]))
    return description


def failures(cloudformation, stack):
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED")
    ]


def parse_parameters(pairs):
    for pair in pairs:
        if "=" not in pair:
            raise DeployError(f"--param {pair} is not of the form NAME=VALUE")
    return [
        {"ParameterKey": name, "ParameterValue": value} for name, _, value in (pair.partition("=") for pair in pairs)
    ]


def run(arguments):
    aws = Aws(arguments.endpoint, arguments.region)
    aws.s3.create_bucket(Bucket=BUCKET)
    template = package(arguments.template.read_text(), arguments.binaries, aws.s3)
    description = deploy(aws, arguments.stack, template, parse_parameters(arguments.param))
    document = describe(aws, description, arguments.endpoint)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")


def main():
    try:
        run(parse_arguments())
    except (DeployError, BotoCoreError, ClientError, OSError) as error:
        sys.exit(f"deploy: {error}")


if __name__ == "__main__":
    main()
