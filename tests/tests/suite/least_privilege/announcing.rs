//! The poller: what it needs of the bus, and of the queue for what the bus will not have.

use std::time::Duration;

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::Setup;
use uuid::Uuid;

use super::role::Role;
use crate::ledger::scratch::in_scratch_database;
use crate::outbox::scene::Scene;

/// As long as a run takes that publishes little and has nothing more to do.
const RUN: Duration = Duration::from_secs(3);

/// A bus that nobody else publishes to, a queue that gets all that is on it, and one for copies of dead letters.
const MAKING: &str = r#"
events, sqs, name = client("events"), client("sqs"), given
arn = events.create_event_bus(Name=name)["EventBusArn"]
queues = {which: sqs.create_queue(QueueName=f"{name}-{which}")["QueueUrl"] for which in ("taken", "copies")}
taken = sqs.get_queue_attributes(QueueUrl=queues["taken"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": taken}
policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
sqs.set_queue_attributes(QueueUrl=queues["taken"], Attributes={"Policy": policy})
events.put_rule(Name="all", EventBusName=name, EventPattern=json.dumps({"source": ["onceledger"]}))
events.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "taken", "Arn": taken}])
told = {"bus": name, **queues}
"#;

/// How many messages are in a queue, whether or not they may be received now.
const COUNTING: &str = r#"
names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
counted = client("sqs").get_queue_attributes(QueueUrl=given, AttributeNames=names)["Attributes"]
told = sum(int(counted[name]) for name in names)
"#;

struct Announcing {
    scene: Scene,
    role: Role,
    made: Value,
}

impl Announcing {
    async fn set(cloud: Cloud) -> Self {
        let made = cloud.ask(MAKING, &json!(format!("own-{}", Uuid::new_v4()))).await;
        let own = |name: &str| made[name].as_str().unwrap().to_owned();
        let instead = [("Events", &*own("bus")), ("EventDeadLetters", &*own("copies"))];
        let role = Role::of(&cloud, "outbox-poll", &instead).await;
        let scene = Scene::set(cloud).await;
        Self { scene, role, made }
    }

    /// Of the emulator's bus and queue, which ask for leave.
    fn poller(&self) -> Setup {
        let endpoint = &self.scene.cloud.aws.endpoint;
        self.scene
            .poller(RUN)
            .set("EVENT_BUS", self.made["bus"].as_str().unwrap())
            .set("DEAD_LETTER_QUEUE_URL", self.made["copies"].as_str().unwrap())
            .set("AWS_ENDPOINT_URL_EVENTBRIDGE", endpoint)
            .set("AWS_ENDPOINT_URL_SQS", endpoint)
    }

    async fn run(setup: Setup) -> String {
        let poller = setup.start().await.unwrap();
        let _ = poller.invoke(&json!({})).await;
        poller.output()
    }

    async fn in_queue(&self, which: &str) -> Value {
        self.scene.cloud.ask(COUNTING, &self.made[which]).await
    }

    /// How many rows wait, how many were published, and how many failures they were blamed for.
    async fn outbox(&self) -> [i64; 3] {
        let published = "SELECT count(*) FROM ledger.published_events";
        [
            self.scene.number("SELECT count(*) FROM ledger.outbox").await,
            self.scene.number(published).await,
            self.scene.blamed().await,
        ]
    }
}

#[tokio::test]
async fn without_leave_to_use_the_bus_nothing_counts_as_published_and_with_it_each_is_once() {
    in_scratch_database(async |cloud| {
        let announcing = Announcing::set(cloud).await;
        // The last one is the service's, for runs that failed.
        let known = [
            "events:DescribeEventBus Events",
            "events:PutEvents Events",
            "sqs:SendMessage EventDeadLetters",
            "sqs:SendMessage OutboxPollDeadLetters",
        ];
        assert_eq!(announcing.role.permissions(), known, "say what happens without it");
        announcing.scene.post(3).await;
        for permission in &known[..2] {
            let bound = announcing.role.binding_without(permission, announcing.poller());
            let said = Announcing::run(bound).await;
            assert!(said.contains("AccessDenied"), "{permission}: {said}");
            assert_eq!(
                announcing.outbox().await,
                [3, 0, 0],
                "{permission}: waiting, published, blamed"
            );
            announcing.scene.let_time_pass().await;
        }
        assert_eq!(announcing.in_queue("taken").await, 0);
        Announcing::run(announcing.role.binding(announcing.poller())).await;
        assert_eq!(announcing.outbox().await, [0, 3, 0]);
        assert_eq!(announcing.in_queue("taken").await, 3);
    })
    .await;
}

#[tokio::test]
async fn without_leave_to_send_copies_a_dead_letter_stays_without_one_and_with_it_gets_one() {
    in_scratch_database(async |cloud| {
        let announcing = Announcing::set(cloud).await;
        announcing.scene.post(1).await;
        let died = "WITH dead AS (DELETE FROM ledger.outbox RETURNING id, tenant_id, ledger_key, sequence, event_type)
            INSERT INTO ledger.dead_letters (id, tenant_id, ledger_key, sequence, attempts, event_type, last_error)
            SELECT id, tenant_id, ledger_key, sequence, 5, event_type, 'MalformedDetail' FROM dead";
        announcing.scene.execute(died).await;
        let uncopied = "SELECT count(*) FROM ledger.dead_letters WHERE queued_at IS NULL";
        let permission = "sqs:SendMessage EventDeadLetters";
        let said = Announcing::run(announcing.role.binding_without(permission, announcing.poller())).await;
        assert!(said.contains("AccessDenied"), "{said}");
        assert_eq!(announcing.scene.number(uncopied).await, 1);
        assert_eq!(announcing.in_queue("copies").await, 0);
        let said = Announcing::run(announcing.role.binding(announcing.poller())).await;
        assert_eq!(announcing.scene.number(uncopied).await, 0, "{said}");
        assert_eq!(announcing.in_queue("copies").await, 1);
    })
    .await;
}
