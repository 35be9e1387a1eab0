//! Who is called when payments are not decided, or the way of an event or of a settlement is blocked.

use std::collections::BTreeSet;

use serde_json::json;
use tests::cloud::Cloud;

/// Name, namespace, metric, what it is of, statistic, threshold, and what no word of it means.
type Alarm = (
    String,
    &'static str,
    &'static str,
    String,
    &'static str,
    i64,
    &'static str,
);

fn of_the_money_path(cloud: &Cloud) -> Vec<Alarm> {
    let of = |(alarm, metric, statistic, threshold): (&str, _, _, _)| {
        let (alarm, of) = (alarm.to_owned(), cloud.function("authorize").name.clone());
        (alarm, "Onceledger", metric, of, statistic, threshold, "notBreaching")
    };
    let alarms = [
        ("PaymentsUndecided", "Undecided", "Sum", 10),
        ("OutcomesUnknown", "OutcomesUnknown", "Sum", 0),
        ("DecisionsFail", "Failed", "Sum", 0),
        ("GateForgets", "LedgerHits", "Sum", 100),
        ("PaymentsSlow", "DecisionMilliseconds", "p99", 200),
    ];
    alarms.map(of).into()
}

fn of_events(cloud: &Cloud) -> Vec<Alarm> {
    let poller = &cloud.function("outbox-poll").name;
    let mut alarms = Vec::new();
    for (alarm, metric, statistic, threshold, missing) in [
        ("OutboxStalled", "OutboxOldestSeconds", "Maximum", 60, "breaching"),
        ("EventsFailing", "EventFailures", "Sum", 0, "notBreaching"),
        ("EventDied", "DeadLetters", "Sum", 0, "notBreaching"),
        ("EventsWithheld", "EventsWithheld", "Sum", 0, "notBreaching"),
        ("DeadLettersOpen", "OpenDeadLetters", "Maximum", 0, "ignore"),
    ] {
        let (alarm, of) = (alarm.to_owned(), poller.clone());
        alarms.push((alarm, "Onceledger", metric, of, statistic, threshold, missing));
    }
    for consumer in ["Notify", "Analytics"] {
        let (alarm, metric) = (format!("{consumer}FallingBehind"), "ApproximateAgeOfOldestMessage");
        let of = queue(cloud, &format!("{consumer}Queue"));
        alarms.push((alarm, "AWS/SQS", metric, of, "Maximum", 900, "notBreaching"));
        let (alarm, of) = (format!("{consumer}Returning"), cloud.function(consumer).name.clone());
        alarms.push((alarm, "Onceledger", "EventsReturned", of, "Sum", 0, "notBreaching"));
    }
    alarms
}

fn of_machines_and_settlements(cloud: &Cloud) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for (alarm, metric, threshold, missing) in [
        ("SettlementInLimbo", "SettlementsInLimbo", 0, "ignore"),
        ("SettlementsOverdue", "OldestUnfinishedSeconds", 3600, "breaching"),
    ] {
        let (alarm, of) = (alarm.to_owned(), cloud.function("resume-settlements").name.clone());
        alarms.push((alarm, "Onceledger", metric, of, "Maximum", threshold, missing));
    }
    let kyc = ("KycDown".to_owned(), cloud.function("settle-step").name.clone());
    alarms.push((kyc.0, "Onceledger", "BreakerReopened", kyc.1, "Sum", 0, "notBreaching"));
    for (alarm, metric, machine) in [
        ("SettlementShortFailed", "ExecutionsFailed", "SettlementShort"),
        ("SettlementShortTimedOut", "ExecutionsTimedOut", "SettlementShort"),
        ("SettlementLongFailed", "ExecutionsFailed", "SettlementLong"),
        ("ReconciliationFailed", "ExecutionsFailed", "Reconciliation"),
        ("ReconciliationTimedOut", "ExecutionsTimedOut", "Reconciliation"),
    ] {
        let (alarm, of) = (alarm.to_owned(), cloud.resource(machine).to_owned());
        alarms.push((alarm, "AWS/States", metric, of, "Sum", 0, "notBreaching"));
    }
    alarms
}

fn of_the_books(cloud: &Cloud) -> Vec<Alarm> {
    let reconcile = &cloud.function("reconcile").name;
    let of = |(alarm, metric, statistic, threshold, missing): (&str, _, _, _, _)| {
        let alarm = alarm.to_owned();
        (
            alarm,
            "Onceledger",
            metric,
            reconcile.clone(),
            statistic,
            threshold,
            missing,
        )
    };
    let proofs = (
        "ProofsDoNotHold".to_owned(),
        "Onceledger",
        "ProofsThatDoNotHold",
        cloud.function("prove-transaction").name.clone(),
        "Sum",
        0,
        "notBreaching",
    );
    let nightly = [
        ("BooksDoNotAgree", "CriticalFindings", "Maximum", 0, "ignore"),
        ("PastDoesNotAgree", "PastCriticalFindings", "Maximum", 0, "ignore"),
        ("ChecksFailed", "FailedChecks", "Maximum", 0, "ignore"),
        ("BooksNotProved", "ReconciliationCompleted", "Sum", 1, "breaching"),
        ("BooksNotSealed", "BooksSealed", "Sum", 1, "breaching"),
    ]
    .map(of);
    [proofs].into_iter().chain(nightly).collect()
}

fn of_the_vault(cloud: &Cloud) -> Vec<Alarm> {
    let of = |(metric, function): (&'static str, &str)| {
        let (alarm, of) = (metric.to_owned(), cloud.function(function).name.clone());
        (alarm, "Onceledger", metric, of, "Sum", 0, "notBreaching")
    };
    let eraser = cloud.function("erase-pii").name.clone();
    let still = (
        "ErasureStandsStill".to_owned(),
        "Onceledger",
        "LongestStillSeconds",
        eraser,
        "Maximum",
        3600,
        "breaching",
    );
    let failing = [("VaultDoesNotOpen", "keep-customers"), ("ErasuresFailed", "erase-pii")].map(of);
    [still].into_iter().chain(failing).collect()
}

fn of_dead_letters(cloud: &Cloud) -> Vec<Alarm> {
    let queues = [
        "Notify",
        "Analytics",
        "Rule",
        "OutboxPoll",
        "FoldBalances",
        "Parked",
        "WakeParked",
        "ResumeSettlements",
        "Reconcile",
        "Statement",
        "Erasure",
        "ErasePii",
    ];
    let not_empty = |dead: &str| {
        let (dead, metric) = (format!("{dead}DeadLetters"), "ApproximateNumberOfMessagesVisible");
        let (alarm, of) = (format!("{dead}NotEmpty"), queue(cloud, &dead));
        (alarm, "AWS/SQS", metric, of, "Maximum", 0, "ignore")
    };
    queues.map(not_empty).into()
}

fn queue(cloud: &Cloud, logical: &str) -> String {
    let url = cloud.resource(logical);
    url.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn somebody_is_called_when_payments_events_or_settlements_stall_fail_or_lie_dead() {
    let cloud = Cloud::running();
    let script = r#"
told = {
    each["AlarmName"]: [
        each["Namespace"], each["MetricName"], each["Dimensions"][0]["Value"], each.get("ExtendedStatistic") or each["Statistic"],
        int(each["Threshold"]), each["ComparisonOperator"], each["TreatMissingData"], each["AlarmActions"],
    ]
    for page in client("cloudwatch").get_paginator("describe_alarms").paginate() for each in page["MetricAlarms"]
}
"#;
    let told = cloud.ask(script, &json!(null)).await;
    let expected = [
        of_the_money_path(&cloud),
        of_events(&cloud),
        of_machines_and_settlements(&cloud),
        of_the_books(&cloud),
        of_the_vault(&cloud),
        of_dead_letters(&cloud),
    ]
    .concat();
    let alarms: BTreeSet<_> = told.as_object().unwrap().keys().collect();
    assert_eq!(alarms.len(), expected.len(), "{alarms:?}");
    for (alarm, namespace, metric, of, statistic, threshold, missing) in expected {
        // Of a run that did not come there is too little, of all else too much.
        let over = match alarm.as_str() {
            "BooksNotProved" | "BooksNotSealed" => "LessThanThreshold",
            _ => "GreaterThanThreshold",
        };
        let pager = [cloud.resource("Pager")];
        assert_eq!(
            told[cloud.resource(&alarm)],
            json!([namespace, metric, of, statistic, threshold, over, missing, pager]),
            "{alarm}"
        );
    }
}
