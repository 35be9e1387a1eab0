# Run by stage.rs, with `client`, `endpoint` and `given` (tests::cloud::Cloud::ask); leaves what it made in `told`.
import io
import subprocess
import tempfile
import urllib.request
import zipfile

name = given["name"]
settings = json.dumps(given["config"]).encode()
urllib.request.urlopen(urllib.request.Request(endpoint + "/_ministack/config", method="POST", data=settings)).close()

everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
queue_policy = json.dumps({"Version": "2012-10-17", "Statement": [everything | {"Principal": "*"}]})
role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
client("iam").put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)

with tempfile.NamedTemporaryFile() as bootstrap:
    # Without symbols it is a quarter of the size.
    subprocess.run(["strip", "-o", bootstrap.name, given["relay"]], check=True)
    with open(bootstrap.name, "rb") as stripped:
        code = stripped.read()
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as packed:
    executable = zipfile.ZipInfo("bootstrap")
    executable.external_attr = 0o755 << 16
    packed.writestr(executable, code)

functions = {
    function: client("lambda").create_function(
        FunctionName=f"{name}-{function}",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=role,
        Timeout=given["seconds"],
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {"RELAY_URL": url}},
    )["FunctionArn"]
    for function, url in given["urls"].items()
}

sqs = client("sqs")
pages, parked = (sqs.create_queue(QueueName=f"{name}-{which}")["QueueUrl"] for which in ("pages", "parked"))
pages_arn = sqs.get_queue_attributes(QueueUrl=pages, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
sqs.set_queue_attributes(QueueUrl=pages, Attributes={"Policy": queue_policy})
pager = client("sns").create_topic(Name=name)["TopicArn"]
client("sns").subscribe(TopicArn=pager, Protocol="sqs", Endpoint=pages_arn)

values = {
    "Partition": "aws",
    "SettleStep": functions["settle-step"],
    "Compensate": functions["compensate"],
    "AwaitDecision": functions["await-decision"],
    "ParkedQueue": parked,
    "Pager": pager,
}
told = {"pages": pages}
for machine, kind in (("long", "STANDARD"), ("short", "EXPRESS")):
    definition = given["definitions"][machine]
    for variable, value in values.items():
        definition = definition.replace("${" + variable + "}", value)
    assert "${" not in definition, definition
    told[machine] = client("stepfunctions").create_state_machine(
        name=f"{name}-{machine}", definition=definition, roleArn=role, type=kind
    )["stateMachineArn"]
    values["SettlementLong"] = told["long"]
