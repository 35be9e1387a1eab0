"""What the consumers made of the ledger's events: the mail that went out, the lines in the archive."""

import json
import urllib.request

from local.emulator import client


def start_poller(state: dict) -> None:
    """Starts a run now. The schedule does so every minute; as many as may run at once are enough."""
    functions = client("lambda", state["aws"]["port"])
    try:
        functions.invoke(FunctionName=state["functions"]["OutboxPoll"]["name"], InvocationType="Event")
    except functions.exceptions.TooManyRequestsException:
        pass


def mails(state: dict, words: str) -> list[dict]:
    """The mails whose text holds `words`, oldest first: To (a list), Subject and BodyText among other members."""
    with urllib.request.urlopen(f"{state['aws']['endpoint']}/_ministack/ses/messages", timeout=10) as listed:
        sent = json.load(listed)["messages"].values()
    return [mail for account in sent for mail in account if words in mail["BodyText"]]


def archived(state: dict, words: str) -> list[tuple[str, str]]:
    """The archive's lines that hold `words`, each with its object's key."""
    s3, bucket = client("s3", state["aws"]["port"]), state["resources"]["Archive"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    lines = ((key, s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()) for key in keys)
    return [(key, line) for key, several in lines for line in several if words in line]


def show(state: dict, words: str) -> None:
    """Prints the mails and the lines that hold `words`, all of them for none."""
    for mail in mails(state, words):
        print(f"e-mail to {', '.join(mail['To'])}: {mail['Subject']}\n\n{mail['BodyText']}")
    for key, line in archived(state, words):
        print(f"{key}\n{line}")
