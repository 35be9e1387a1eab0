# A table of erasures, a table of keys and a bus of the test's own, and a queue that gets all that is said on the bus. Nobody else
# carries on what is asked for there. `given` is a name for all of them.
dynamodb, events, sqs = client("dynamodb"), client("events"), client("sqs")
text = lambda *names: [{"AttributeName": name, "AttributeType": "S"} for name in names]
keys = lambda *names: [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ["HASH", "RANGE"])]
index = {"IndexName": "unfinished", "KeySchema": keys("unfinished", "moved_at"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
made = {"BillingMode": "PAY_PER_REQUEST"}
dynamodb.create_table(
    TableName=f"erasures-{given}", AttributeDefinitions=text("pk", "unfinished", "moved_at"), KeySchema=keys("pk"),
    GlobalSecondaryIndexes=[index], **made,
)
dynamodb.create_table(TableName=f"keys-{given}", AttributeDefinitions=text("pk", "sk"), KeySchema=keys("pk", "sk"), **made)
events.create_event_bus(Name=f"bus-{given}")
queue = sqs.create_queue(QueueName=f"told-{given}")["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]})})
everything = json.dumps({"source": [{"prefix": ""}]})
events.put_rule(Name=f"told-{given}", EventBusName=f"bus-{given}", EventPattern=everything)
events.put_targets(Rule=f"told-{given}", EventBusName=f"bus-{given}", Targets=[{"Id": "told", "Arn": arn}])
told = queue
