//! `notify`: one mail per event, and what may make it two.

use std::collections::BTreeSet;

use domain::event::{Event, EventType};
use serde_json::{Value, json};
use tests::alarms::breaches;
use tests::cloud::Cloud;
use tests::fault::{Fault, Faults, Step};
use tests::lambda::{Function, Setup, Unanswered};
use tests::post_office::{Manner, PostOffice};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::contacts::onboard;
use super::scene::{self, Memory, batch_of, consumer, failed, payment, poisons, says, ten_with};

/// Where every merchant here is written to.
const ADDRESS: &str = "billing@shop.example";

/// A merchant with a contact, and a post office in place of SES.
struct Scene {
    cloud: Cloud,
    tenant: Uuid,
    post: PostOffice,
    memory: Memory,
}

impl Scene {
    async fn set() -> Self {
        let cloud = Cloud::running();
        let tenant = Uuid::new_v4();
        let answer = onboard(
            &cloud,
            tenant,
            &json!({"currencies": ["EUR"], "contact_email": ADDRESS}),
        )
        .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Self {
            post: PostOffice::open().await,
            memory: Memory::of(&cloud, "notify"),
            cloud,
            tenant,
        }
    }

    fn setup(&self) -> Setup {
        consumer(&self.cloud, "notify").set("AWS_ENDPOINT_URL_SESV2", self.post.url())
    }

    async fn notify(&self) -> Function {
        self.setup().start().await.unwrap()
    }

    fn payment(&self) -> Event {
        payment(self.tenant)
    }

    /// The ids of the events that mails were about, in the order in which they were taken.
    fn mailed(&self) -> Vec<String> {
        let texts = self.post.taken().into_iter().map(|mail| text_of(&mail));
        texts.map(|text| value_of(&text, "Event")).collect()
    }
}

fn text_of(mail: &Value) -> String {
    mail["Content"]["Simple"]["Body"]["Text"]["Data"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn value_of(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))[name.len()..]
        .trim()
        .to_owned()
}

#[tokio::test]
async fn a_payment_and_a_deposit_are_mailed_to_the_merchants_contact() {
    let scene = Scene::set().await;
    let deposit = scene::event(
        scene.tenant,
        EventType::DepositPosted,
        datetime!(2026-02-03 04:05:06 UTC),
    );
    let payment = scene.payment();
    let notify = scene.notify().await;
    let answer = notify.invoke(&batch_of(&[&payment, &deposit])).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(
        scene.mailed().into_iter().collect::<BTreeSet<_>>(),
        ids(&[&payment, &deposit])
    );
    for mail in scene.post.taken() {
        assert_eq!(mail["Destination"], json!({"ToAddresses": [ADDRESS]}));
        assert_eq!(
            mail["FromEmailAddress"],
            scene.cloud.function("notify").environment["MAIL_FROM"]
        );
        let message = &mail["Content"]["Simple"];
        let is_payment = text_of(&mail).contains(&payment.id().to_string());
        let subject = if is_payment {
            "EUR 12.50 paid"
        } else {
            "EUR 12.50 deposited"
        };
        assert_eq!(message["Subject"]["Data"], subject);
        assert_eq!(value_of(&text_of(&mail), "Time"), "2026-02-03 04:05:06 UTC");
        assert!(
            message["Body"]["Html"]["Data"]
                .as_str()
                .unwrap()
                .contains("<td>2026-02-03 04:05:06 UTC</td>")
        );
    }
    assert!(!notify.output().contains(ADDRESS), "{}", notify.output());
}

#[tokio::test]
async fn an_event_delivered_again_is_mailed_once_and_remembered_for_longer_than_it_can_come_again() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    for _ in 0..3 {
        // A process of its own for each delivery: what it remembers is in the table.
        let answer = scene.notify().await.invoke(&batch_of(&[&payment])).await.unwrap();
        assert_eq!(failed(&answer), [""; 0]);
        // Done is done, also when the claim has ended.
        scene.memory.end_lease(&payment).await;
    }
    assert_eq!(scene.mailed(), [payment.id().to_string()]);
    let kept = scene.memory.expires_at(&payment).await - OffsetDateTime::now_utc().unix_timestamp();
    assert!(
        kept > 29 * 24 * 60 * 60,
        "a day on the bus, fourteen in a queue, and fourteen more for what is moved back: {kept} s"
    );
}

#[tokio::test]
async fn two_copies_at_once_are_one_mail() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    let (one, other) = (scene.notify().await, scene.notify().await);
    scene.post.set(Manner::TakeSlowly);
    let first = tokio::spawn(one.invoke(&batch_of(&[&payment])));
    scene.post.takes(1).await;
    // The first is in the middle of it: this copy is not dropped, it comes again.
    let second = other.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&second), ["0"]);
    assert_eq!(failed(&first.await.unwrap().unwrap()), [""; 0]);
    let second = other.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&second), [""; 0]);
    assert_eq!(scene.mailed(), [payment.id().to_string()]);
}

#[tokio::test]
async fn two_copies_in_one_batch_are_one_mail() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    let notify = scene.notify().await;
    let batch = batch_of(&[&payment, &payment]);
    let first = notify.invoke(&batch).await.unwrap();
    assert!(failed(&first).len() <= 1, "{first}");
    let again = notify.invoke(&batch).await.unwrap();
    assert_eq!(failed(&again), [""; 0]);
    assert_eq!(scene.mailed(), [payment.id().to_string()]);
}

#[tokio::test]
async fn poison_in_a_batch_of_ten_fails_alone() {
    let scene = Scene::set().await;
    let notify = scene.notify().await;
    for (what, body) in poisons(scene.tenant) {
        let before = scene.post.taken().len();
        let (_, batch) = ten_with(scene.tenant, &[(4, body)]);
        let answer = notify.invoke(&batch).await.unwrap();
        assert_eq!(failed(&answer), ["4"], "{what}");
        assert_eq!(scene.post.taken().len() - before, 9, "{what}");
    }
    let later = json!({"detail-type": "payment.posted.v2", "source": "onceledger", "detail": {
        "event_id": Uuid::new_v4(), "event_type": "payment.posted.v2", "occurred_at": "2026-02-03T04:05:06Z"}});
    let answer = notify.invoke(&scene::batch(&[later.to_string()])).await.unwrap();
    assert_eq!(
        failed(&answer),
        ["0"],
        "an event that cannot be read is kept for somebody who can"
    );
}

#[tokio::test]
async fn mail_that_is_refused_comes_again() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    let notify = scene.notify().await;
    for (status, code) in [
        (429, "TooManyRequestsException"),
        (400, "MessageRejected"),
        (500, "InternalServiceErrorException"),
    ] {
        scene.post.set(Manner::Refuse(status, code));
        let answer = notify.invoke(&batch_of(&[&payment])).await.unwrap();
        assert_eq!(failed(&answer), ["0"], "{code}");
        assert_eq!(scene.memory.done(&payment).await, Some(false), "{code}");
        says(&notify, code).await;
        says(&notify, "EventsReturned").await;
        scene.memory.end_lease(&payment).await;
    }
    scene.post.set(Manner::Take);
    let answer = notify.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(scene.mailed(), [payment.id().to_string()]);
    assert!(!notify.output().contains(ADDRESS), "what SES says repeats the address");
}

/// A receive is spent on what SES cannot do, not on what it cannot do just now.
#[tokio::test]
async fn mail_that_comes_too_fast_for_ses_waits_for_it_and_is_sent_once() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    let notify = scene.notify().await;
    for code in ["TooManyRequestsException", "ThrottlingException"] {
        let refused = scene.post.refused();
        let payment = scene.payment();
        scene.post.set(Manner::Refuse(429, code));
        let sending = tokio::spawn(notify.invoke(&batch_of(&[&payment])));
        scene.post.refuses(refused + 3).await;
        scene.post.set(Manner::Take);
        assert_eq!(failed(&sending.await.unwrap().unwrap()), [""; 0], "{code}");
        assert_eq!(scene.mailed().last(), Some(&payment.id().to_string()));
    }
    // Whether anything else was taken is not sure: it is not asked twice.
    let refused = scene.post.refused();
    scene.post.set(Manner::Refuse(500, "InternalServiceErrorException"));
    assert_eq!(failed(&notify.invoke(&batch_of(&[&payment])).await.unwrap()), ["0"]);
    assert_eq!(scene.post.refused() - refused, 1);
    assert_eq!(scene.mailed().len(), 2);
}

/// The side that was chosen: a second mail about the same event, rather than none.
#[tokio::test]
async fn killed_after_the_mail_and_before_the_mark_it_mails_again_under_the_same_id() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    let doomed = scene.notify().await;
    scene.post.set(Manner::TakeInSilence);
    let orphan = tokio::spawn(doomed.invoke(&batch_of(&[&payment])));
    scene.post.takes(1).await;
    doomed.kill().await;
    assert!(matches!(orphan.await.unwrap(), Err(Unanswered::Died { .. })));

    scene.post.set(Manner::Take);
    let heir = scene.notify().await;
    let answer = heir.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&answer), ["0"], "its owner may be alive");
    scene.memory.end_lease(&payment).await;
    let answer = heir.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    let id = payment.id().to_string();
    assert_eq!(scene.mailed(), [id.clone(), id]);
    assert_eq!(scene.memory.done(&payment).await, Some(true));
}

#[tokio::test]
async fn a_mail_that_is_out_counts_whoever_holds_the_event_by_then() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    let (sleeper, heir) = (scene.notify().await, scene.notify().await);
    scene.post.set(Manner::TakeSlowly);
    let slow = tokio::spawn(sleeper.invoke(&batch_of(&[&payment])));
    scene.post.takes(1).await;
    scene.memory.end_lease(&payment).await;
    scene.post.set(Manner::Refuse(500, "InternalServiceErrorException"));
    let answer = heir.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&answer), ["0"]);
    assert_eq!(failed(&slow.await.unwrap().unwrap()), [""; 0]);
    scene.post.set(Manner::Take);
    let answer = heir.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(scene.mailed(), [payment.id().to_string()]);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_its_own() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    let faults = Faults::between(&scene.cloud).await;
    faults.script.arm(Step::Claim, Fault::DropResponse);
    let setup = scene.setup().set("AWS_ENDPOINT_URL_DYNAMODB", faults.gate.url());
    let answer = setup
        .start()
        .await
        .unwrap()
        .invoke(&batch_of(&[&payment]))
        .await
        .unwrap();
    assert_eq!(faults.script.count(Step::Claim), 2, "the SDK has repeated it");
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(scene.mailed(), [payment.id().to_string()]);
}

#[tokio::test]
async fn without_a_contact_an_event_is_done_counted_and_not_mailed() {
    let scene = Scene::set().await;
    let payment = payment(Uuid::new_v4());
    let notify = scene.notify().await;
    let answer = notify.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&answer), [""; 0]);
    assert_eq!(scene.memory.done(&payment).await, Some(true));
    assert_eq!(scene.post.taken(), [Value::Null; 0]);
    says(&notify, "NotifyWithoutContact").await;
    let output = notify.output();
    let lines: Vec<Value> = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let metric = lines.iter().find(|line| line["NotifyWithoutContact"] == 1).unwrap();
    assert_eq!(metric["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Onceledger");
}

#[tokio::test]
async fn while_its_memory_is_gone_nothing_is_mailed_and_nothing_lost() {
    let scene = Scene::set().await;
    let payment = scene.payment();
    let amnesiac = scene
        .setup()
        .set("CONSUMED_TABLE", "no-such-table")
        .start()
        .await
        .unwrap();
    let answer = amnesiac.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&answer), ["0"]);
    assert_eq!(breaches(&scene.cloud, "NotifyReturning", &amnesiac).await, [1]);
    let blind = scene
        .setup()
        .set("CONTACTS_TABLE", "no-such-table")
        .start()
        .await
        .unwrap();
    let answer = blind.invoke(&batch_of(&[&payment])).await.unwrap();
    assert_eq!(failed(&answer), ["0"]);
    assert_eq!(scene.post.taken(), [Value::Null; 0]);
}

fn ids(events: &[&Event]) -> BTreeSet<String> {
    events.iter().map(|event| event.id().to_string()).collect()
}
