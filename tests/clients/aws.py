"""One AWS call with the stack's own credentials: `aws.py SERVICE OPERATION JSON [ACCOUNT]` prints the answer as JSON.

AWS_ENDPOINT_URL and AWS_REGION say where. ACCOUNT (twelve digits) makes the call as the root of that account, as the
emulator knows it.
"""

import json
import os
import sys

import boto3


def main() -> int:
    service, operation, arguments = sys.argv[1:4]
    access_key = sys.argv[4] if len(sys.argv) > 4 else os.environ["AWS_ACCESS_KEY_ID"]
    client = boto3.client(
        service,
        region_name=os.environ["AWS_REGION"],
        aws_access_key_id=access_key,
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )
    answer = getattr(client, operation)(**json.loads(arguments))
    answer.pop("ResponseMetadata", None)
    print(json.dumps(answer, default=readable))
    return 0


def readable(value):
    """What is no JSON, as text: a streamed body is read to its end."""
    return value.read().decode() if hasattr(value, "read") else str(value)


if __name__ == "__main__":
    sys.exit(main())
