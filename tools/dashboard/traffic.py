#!/usr/bin/env python3
"""Calls the running local stack for some minutes as teams would, so that its dashboard has something to show.

target/tools/stack/bin/python tools/dashboard/traffic.py --minutes 12
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import time
import urllib.error
import urllib.request

# A team, its users' rate a second, the calls a second that they make, and the share that they ask again.
TEAMS = [
    ("search", "50", 1.2, 0.5),
    ("support", "50", 0.8, 0.35),
    ("ads", "0.3", 0.6, 0.1),
    ("research", "50", 0.3, 0.0),
]
MODELS = {"search": ["gpt-5.5"], "support": ["gpt-5.6-luna", "gpt-5.5"], "ads": ["gpt-5.6-terra"], "research": ["gpt-5.5"]}
# What research is given for a day; the rest of its calls are refused.
RESEARCH_USD = "0.12"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=pathlib.Path, default=pathlib.Path("target/local"), help="the stack's folder")
    parser.add_argument("--minutes", type=float, default=12)
    return parser.parse_args()


def make_key(variables, team, user, rate):
    command = ["target/debug/tollgate", "--json", "keys", "create", "--user", user, "--team", team, "--rate", rate, "--burst", "3"]
    if team == "research":
        command += ["--budget-usd-day", RESEARCH_USD]
    said = subprocess.run(command, env={**os.environ, **variables}, check=True, capture_output=True)
    return json.loads(said.stdout)["key"]


def put_faults(variables, rules):
    url = f"{variables['TOLLGATE_STANDIN_URL']}/_standin/faults"
    request = urllib.request.Request(url, json.dumps(rules).encode(), method="PUT")
    urllib.request.urlopen(request).close()


def call(variables, key, model, words, cap):
    body = {"model": model, "max_completion_tokens": cap, "stream": True, "messages": [{"role": "user", "content": words}]}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"{variables['OPENAI_BASE_URL']}/chat/completions"
    try:
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=60).read()
    except urllib.error.HTTPError as refusal:
        refusal.read()


def rules(minute):
    """How the providers behave: slower in the middle, and for two minutes the first one fails."""
    slow = {"model": "*", "latency_ms": 900 if 4 <= minute < 6 else 150, "reply_words": 60, "cached_tokens": 12}
    failing = [{"model": "gpt-5.5", "status": 500, "times": 25}] if 7 <= minute < 9 else []
    return [*failing, slow]


def main():
    arguments = parse_arguments()
    lines = (arguments.state / "env").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if "=" in line)
    keys = {team: [make_key(variables, team, f"{team}-{n}", rate) for n in range(2)] for team, rate, *_ in TEAMS}
    dice = random.Random(7)
    begun = time.monotonic()
    minute = -1
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        while (passed := time.monotonic() - begun) < arguments.minutes * 60:
            if int(passed / 60) > minute:
                minute = int(passed / 60)
                put_faults(variables, rules(minute))
            for team, _, pace, repeats in TEAMS:
                # One program of research loops, with ever longer prompts.
                loops = team == "research" and minute >= 9
                if dice.random() < (pace * 3 if loops else pace):
                    number = dice.randrange(12) if dice.random() < repeats else dice.randrange(10**9)
                    length = 400 * (minute - 8) if loops else 20 + number % 100
                    words = f"question {number} of {team}: " + "why " * length
                    key, model = dice.choice(keys[team]), dice.choice(MODELS[team])
                    pool.submit(call, variables, key, model, words, dice.choice([200, 400, 800]))
            time.sleep(1)
    put_faults(variables, [])


if __name__ == "__main__":
    main()
