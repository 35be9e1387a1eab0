//! The whole way, as deployed: from a payment over HTTP, through outbox and bus, to a mail and a line in the archive.

use domain::event::Event;
use domain::ids::EventId;
use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::patience::until;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::api::merchant::{Merchant, id, platform_token};

/// A run of the deployed poller, shortened to a few seconds of work: the rest of its time is kept for an orderly end.
const RUN: &str = r#"
functions, poller = client("lambda"), {"FunctionName": given}
timeout = functions.get_function_configuration(**poller)["Timeout"]
functions.update_function_configuration(**poller, Timeout=18)
try:
    answer = functions.invoke(**poller)
    told = json.loads(answer["Payload"].read())
finally:
    functions.update_function_configuration(**poller, Timeout=timeout)
"#;

const MAIL: &str = r#"
import urllib.request
with urllib.request.urlopen(endpoint + "/_ministack/ses/messages") as listed:
    told = [each for sent in json.load(listed)["messages"].values() for each in sent if each["To"] == [given]]
"#;

/// Each object's key with each line in it that belongs to the tenant.
const LINES: &str = r#"
s3, told = client("s3"), []
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=given["bucket"]):
    for each in page.get("Contents", []):
        lines = s3.get_object(Bucket=given["bucket"], Key=each["Key"])["Body"].read().decode().splitlines()
        told += [[each["Key"], json.loads(line)] for line in lines if given["tenant"] in line]
"#;

/// How many messages the consumers have left to deal with.
const LEFT: &str = r#"
names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
ask = lambda queue: client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
told = sum(int(ask(queue)[name]) for queue in given for name in names)
"#;

/// What an alarm is about.
const ALARM: &str = r#"
(alarm,) = client("cloudwatch").describe_alarms(AlarmNames=[given])["MetricAlarms"]
told = alarm["StateValue"]
"#;

/// Has the pager call a queue from now on, whatever an alarm rang for before, and returns the queue.
const ON_DUTY: &str = r#"
sqs = client("sqs")
queue = sqs.create_queue(QueueName="on-duty-" + given["name"])["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
leave = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
policy = json.dumps({"Version": "2012-10-17", "Statement": [leave]})
sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
client("sns").subscribe(TopicArn=given["pager"], Protocol="sqs", Endpoint=arn)
client("cloudwatch").set_alarm_state(AlarmName=given["alarm"], StateValue="OK", StateReason="nothing has happened yet")
told = queue
"#;

/// The alarms that the pager has called the queue about.
const CALLS: &str = r#"
received = client("sqs").receive_message(QueueUrl=given, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
told = [json.loads(json.loads(each["Body"])["Message"])["AlarmName"] for each in received]
"#;

/// There is one outbox, and whoever announces takes all that is in it: a test holds this from its beginning to its end.
static OUTBOX: Mutex<()> = Mutex::const_new(());

/// Announces what waits; returns how many events went out.
async fn announce(cloud: &Cloud) -> u64 {
    let told = cloud.ask(RUN, &json!(cloud.function("outbox-poll").name)).await;
    assert_eq!(told["failures"], 0, "{told}");
    told["published"].as_u64().unwrap_or_else(|| panic!("{told}"))
}

async fn mail(cloud: &Cloud, to: &str) -> Vec<Value> {
    let told = cloud.ask(MAIL, &json!(to)).await;
    told.as_array().unwrap().clone()
}

async fn lines(cloud: &Cloud, tenant: Uuid) -> Vec<(String, Event)> {
    let given = json!({"bucket": cloud.resource("Archive"), "tenant": tenant});
    let told = cloud.ask(LINES, &given).await;
    serde_json::from_value(told).unwrap()
}

/// Waits until the consumers' queues are empty: everything in them was dealt with.
async fn consumed(cloud: &Cloud) {
    let queues = json!([cloud.resource("NotifyQueue"), cloud.resource("AnalyticsQueue")]);
    let empty = || async { (cloud.ask(LEFT, &queues).await == 0).then_some(()) };
    until(empty, || "the end of the consumers' messages".to_owned()).await;
}

#[tokio::test]
async fn a_payment_is_mailed_and_archived_under_its_event_id_and_once_however_often_it_is_announced() {
    let _alone = OUTBOX.lock().await;
    let cloud = Cloud::running();
    let us = Merchant::onboard(&cloud).await;
    let contact = format!("till-{}@example.com", us.tenant);
    let named = ApiRequest::to("PUT /v1/merchants/{merchant_id}")
        .path("merchant_id", us.tenant)
        .json(&json!({"currencies": ["EUR"], "contact_email": contact}));
    let named = named.send(&cloud, Some(&platform_token(&cloud).await)).await.unwrap();
    assert_eq!(named.status, 200, "{named:?}");
    let deposit = us.deposit(us.buyer, 5000).await;
    let described = json!({"description": "a present for Ada", "metadata": {"to": "Ada Lovelace"}});
    let mut body = us.payment(1250);
    body.as_object_mut()
        .unwrap()
        .extend(described.as_object().unwrap().clone());
    let payment = id(&us
        .send(&ApiRequest::to("POST /v1/payments").key(Uuid::new_v4()).json(&body))
        .await);
    // A refusal moves nothing, so there is nothing to tell.
    let refused = us
        .send(
            &ApiRequest::to("POST /v1/payments")
                .key(Uuid::new_v4())
                .json(&us.payment(9999)),
        )
        .await;
    assert_eq!(refused.problem(), "insufficient-funds");
    let mut expected: Vec<_> = [deposit, payment].map(|key| EventId::of(key.into(), 1)).into();
    expected.sort();

    assert!(announce(&cloud).await >= 2);
    consumed(&cloud).await;
    let check = async || {
        let mails = mail(&cloud, &contact).await;
        assert_eq!(mails.len(), 2, "{mails:?}");
        let paid = mails
            .iter()
            .find(|mail| mail["BodyText"].to_string().contains(&payment.to_string()));
        let paid = paid.unwrap_or_else(|| panic!("no mail is about {payment}: {mails:?}"));
        assert_eq!(paid["Source"], cloud.function("notify").environment["MAIL_FROM"]);
        for part in ["BodyText", "BodyHtml"] {
            let text = paid[part].to_string();
            let event = EventId::of(payment.into(), 1).to_string();
            assert!(text.contains("EUR 12.50") && text.contains(&event), "{text}");
            assert!(!text.contains("Ada"), "{text}");
        }
        let archived = lines(&cloud, us.tenant).await;
        let mut ids: Vec<_> = archived.iter().map(|(_, event)| event.id()).collect();
        ids.sort();
        assert_eq!(ids, expected, "{archived:?}");
        for (key, event) in &archived {
            let date = event.occurred_at().date();
            assert!(key.starts_with(&format!("events/date={date}/")), "{key}");
            assert!(!serde_json::to_string(event).unwrap().contains("Ada"), "{event:?}");
        }
    };
    check().await;

    // As if the poller had died before it could mark them.
    let sql = "
        WITH unmarked AS (
            DELETE FROM ledger.published_events WHERE tenant_id = $1
            RETURNING tenant_id, ledger_key, sequence, event_type
        )
        INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type) SELECT * FROM unmarked";
    let superuser = cloud.superuser().await;
    assert_eq!(superuser.execute(sql, &[&us.tenant]).await.unwrap(), 2);
    assert!(announce(&cloud).await >= 2);
    consumed(&cloud).await;
    check().await;
}

#[tokio::test]
async fn a_dead_letter_calls_somebody_and_a_working_poller_does_not() {
    let _alone = OUTBOX.lock().await;
    let cloud = Cloud::running();
    let (pager, alarm) = (cloud.resource("Pager"), cloud.resource("DeadLettersOpen"));
    let given = json!({"name": Uuid::new_v4(), "pager": pager, "alarm": alarm});
    let on_duty = cloud.ask(ON_DUTY, &given).await;
    // Its number is one that no row of the outbox will have.
    let sql = "
        INSERT INTO ledger.dead_letters
               (id, tenant_id, ledger_key, sequence, attempts, event_type, last_error, queued_at)
        SELECT least(min(id), 0) - 1, $1, $1, 1, 5, 'payment.posted.v1', 'MalformedDetail', now()
          FROM ledger.dead_letters
        RETURNING id";
    let superuser = cloud.superuser().await;
    let letter: i64 = superuser.query_one(sql, &[&Uuid::new_v4()]).await.unwrap().get(0);
    announce(&cloud).await;
    let resolved = "UPDATE ledger.dead_letters SET resolution = 'discarded', resolved_at = now() WHERE id = $1";
    assert_eq!(superuser.execute(resolved, &[&letter]).await.unwrap(), 1);

    assert_eq!(cloud.ask(ALARM, &json!(alarm)).await, "ALARM");
    for quiet in ["OutboxStalled", "EventsFailing"] {
        assert_eq!(cloud.ask(ALARM, &json!(cloud.resource(quiet))).await, "OK", "{quiet}");
    }
    let calls = cloud.ask(CALLS, &on_duty).await;
    assert!(calls.as_array().unwrap().contains(&json!(alarm)), "{calls}");
}
