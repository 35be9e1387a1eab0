//! Who is called when the way of an event is blocked.

use std::collections::BTreeSet;

use serde_json::json;
use tests::cloud::Cloud;

#[tokio::test]
async fn somebody_is_called_when_events_stall_fail_or_lie_dead() {
    let cloud = Cloud::running();
    let script = r#"
told = {
    each["AlarmName"]: [
        each["Namespace"], each["MetricName"], each["Dimensions"][0]["Value"], each["Statistic"], each["Threshold"],
        each["ComparisonOperator"], each["TreatMissingData"], each["AlarmActions"],
    ]
    for each in client("cloudwatch").describe_alarms()["MetricAlarms"]
}
"#;
    let told = cloud.ask(script, &json!(null)).await;
    let poller = &cloud.function("outbox-poll").name;
    let queue = |logical: &str| {
        let url = cloud.resource(logical);
        url.rsplit('/').next().unwrap().to_owned()
    };
    // Alarm, metric, statistic, threshold, and what no word of it means.
    let of_the_poller = [
        ("OutboxStalled", "OutboxOldestSeconds", "Maximum", 60.0, "breaching"),
        ("EventsFailing", "EventFailures", "Sum", 0.0, "notBreaching"),
        ("EventDied", "DeadLetters", "Sum", 0.0, "notBreaching"),
        ("EventsWithheld", "EventsWithheld", "Sum", 0.0, "notBreaching"),
        ("DeadLettersOpen", "OpenDeadLetters", "Maximum", 0.0, "ignore"),
    ];
    let mut expected: Vec<_> = of_the_poller
        .into_iter()
        .map(|(alarm, metric, statistic, threshold, missing)| {
            let of = poller.clone();
            (
                alarm.to_owned(),
                "Onceledger",
                metric,
                of,
                statistic,
                threshold,
                missing,
            )
        })
        .collect();
    for consumer in ["Notify", "Analytics"] {
        let (alarm, metric) = (format!("{consumer}FallingBehind"), "ApproximateAgeOfOldestMessage");
        let of = queue(&format!("{consumer}Queue"));
        expected.push((alarm, "AWS/SQS", metric, of, "Maximum", 900.0, "notBreaching"));
        let (alarm, of) = (format!("{consumer}Returning"), cloud.function(consumer).name.clone());
        expected.push((alarm, "Onceledger", "EventsReturned", of, "Sum", 0.0, "notBreaching"));
    }
    for dead in ["Notify", "Analytics", "Rule", "OutboxPoll", "FoldBalances"] {
        let dead = format!("{dead}DeadLetters");
        let (alarm, metric) = (format!("{dead}NotEmpty"), "ApproximateNumberOfMessagesVisible");
        expected.push((alarm, "AWS/SQS", metric, queue(&dead), "Maximum", 0.0, "ignore"));
    }
    let alarms: BTreeSet<_> = told.as_object().unwrap().keys().collect();
    assert_eq!(alarms.len(), expected.len(), "{alarms:?}");
    for (alarm, namespace, metric, of, statistic, threshold, missing) in expected {
        assert_eq!(
            told[cloud.resource(&alarm)],
            json!([
                namespace,
                metric,
                of,
                statistic,
                threshold,
                "GreaterThanThreshold",
                missing,
                [cloud.resource("Pager")]
            ]),
            "{alarm}"
        );
    }
}
